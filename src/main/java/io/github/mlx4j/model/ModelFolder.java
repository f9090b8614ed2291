package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.ModelNotFoundException;
import io.github.mlx4j.internal.files.FileTree;
import io.github.mlx4j.internal.model.ConfigJson;
import io.github.mlx4j.internal.model.DisplayText;
import io.github.mlx4j.internal.model.SafetensorsHeader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A model folder as it is read: names, JSON files, headers, each once. Nothing is ever written. Not thread-safe. */
final class ModelFolder {

    /** The maximum number of tensors in all files together, as in the workers. */
    static final int MAX_TENSORS = 500_000;

    private final Path path;
    private final List<String> names;
    private final Map<String, Object> read = new HashMap<>(); // what was read, or why it could not be
    private int tensors; // in the headers that were read

    private ModelFolder(Path path, List<String> names) {
        this.path = path;
        this.names = names;
    }

    /** The folder, or a GGUF file as if it were alone in one. */
    static ModelFolder open(Path path) {
        if (Files.isRegularFile(path) && isGguf(path.toString())) {
            return new ModelFolder(path, List.of(path.getFileName().toString()));
        }
        if (!Files.isDirectory(path)) {
            String what = Files.exists(path) ? "%s is not a folder." : "There is no model folder at %s.";
            throw new ModelNotFoundException(what.formatted(path), "Check the path.");
        }
        try {
            return new ModelFolder(
                    path,
                    FileTree.list(path).stream()
                            .map(entry -> entry.getFileName().toString())
                            .sorted()
                            .toList());
        } catch (IOException error) {
            throw new ModelLoadException(
                    "%s can't be read: %s".formatted(path, error.getMessage()), "Check its permissions.", error);
        }
    }

    /** The path without links, or as it is where there is nothing. */
    static Path real(Path path) {
        return FileTree.real(path);
    }

    static boolean isGguf(String name) {
        return name.endsWith(".gguf");
    }

    Path path() {
        return path;
    }

    /** The names of what lies in the folder itself, sorted. */
    List<String> names() {
        return names;
    }

    /** Whether there is something of this name, which may be a path within the folder. */
    boolean has(String name) {
        return Files.exists(path.resolve(name));
    }

    /** The JSON object in a file; missing if there is none that can be read. */
    JsonNode json(String name) {
        try {
            return has(name) ? readJson(name) : MissingNode.getInstance();
        } catch (ModelLoadException unreadable) {
            return MissingNode.getInstance();
        }
    }

    /** The JSON object in a file that has to be there. */
    JsonNode readJson(String name) {
        return (JsonNode) once(name, () -> parse(path.resolve(name)));
    }

    /** The header of a file; empty if it is not whole. */
    Optional<SafetensorsHeader> header(String name) {
        try {
            return Optional.of(readHeader(name));
        } catch (ModelLoadException damaged) {
            return Optional.empty();
        }
    }

    /** The header of a file that has to be whole. */
    SafetensorsHeader readHeader(String name) {
        return (SafetensorsHeader) once(name, () -> {
            SafetensorsHeader header = SafetensorsHeader.read(path.resolve(name));
            if (header.tensors().size() > MAX_TENSORS - tensors) {
                throw new ModelLoadException(
                        "%s has more than %,d tensors.".formatted(path, MAX_TENSORS),
                        "Download or copy the model again.");
            }
            tensors += header.tensors().size();
            return header;
        });
    }

    /** What is wrong with a file of weights. */
    Optional<Problem> damage(String name) {
        try {
            readHeader(name);
            return Optional.empty();
        } catch (ModelLoadException damaged) {
            return Optional.of(Problem.broken(damaged.reason(), damaged.hint()));
        }
    }

    private interface Reader {
        Object read();
    }

    private Object once(String name, Reader reader) {
        Object known = read.computeIfAbsent(name, key -> {
            try {
                return reader.read();
            } catch (ModelLoadException error) {
                return error;
            }
        });
        if (known instanceof ModelLoadException error) {
            throw error;
        }
        return known;
    }

    private static JsonNode parse(Path file) {
        String why;
        try {
            if (!Files.isRegularFile(file)) { // to open a pipe may take for ever
                why = Files.exists(file) ? "it is not a file" : "it is a broken link";
            } else {
                JsonNode node = ConfigJson.read(file);
                if (node.isObject()) {
                    return node;
                }
                why = node.isMissingNode() ? "it is empty" : "it has no JSON object";
            }
        } catch (IOException error) {
            why = DisplayText.reason(error);
        }
        throw new ModelLoadException("%s can't be read: %s.".formatted(file, why), "Download or copy the model again.");
    }
}
