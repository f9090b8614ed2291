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

/**
 * Read access to the names, JSON files and headers in a model folder. Each file is read only once, and nothing is ever
 * written. Not thread-safe.
 */
final class ModelFolder {

    /** The maximum number of tensors in all files together; the workers have the same limit. */
    static final int MAX_TENSORS = 500_000;

    private final Path path;
    private final List<String> names;
    private final Map<String, Object> read = new HashMap<>(); // the contents by name, or the exception
    private int tensors; // total in the headers read so far

    private ModelFolder(Path path, List<String> names) {
        this.path = path;
        this.names = names;
    }

    /** Opens a folder, or a GGUF file as if it were the only file in a folder. */
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

    /** Resolves symbolic links in a path; a path that doesn't exist is returned unchanged. */
    static Path real(Path path) {
        return FileTree.real(path);
    }

    static boolean isGguf(String name) {
        return name.endsWith(".gguf");
    }

    Path path() {
        return path;
    }

    /** Returns the sorted names of the entries directly in the folder. */
    List<String> names() {
        return names;
    }

    /** Returns whether an entry exists; the name may be a path within the folder. */
    boolean has(String name) {
        return Files.exists(path.resolve(name));
    }

    /** Returns the JSON object in a file, or a missing node if it can't be read. */
    JsonNode json(String name) {
        try {
            return has(name) ? readJson(name) : MissingNode.getInstance();
        } catch (ModelLoadException unreadable) {
            return MissingNode.getInstance();
        }
    }

    /** Returns the JSON object in a file; throws an exception if it can't be read. */
    JsonNode readJson(String name) {
        return (JsonNode) once(name, () -> parse(path.resolve(name)));
    }

    /** Returns the header of a weights file; empty if it is damaged. */
    Optional<SafetensorsHeader> header(String name) {
        try {
            return Optional.of(readHeader(name));
        } catch (ModelLoadException damaged) {
            return Optional.empty();
        }
    }

    /** Returns the header of a weights file; throws an exception if it is damaged. */
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

    /** Returns the problem with a weights file, if there is one. */
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
            if (!Files.isRegularFile(file)) { // opening a pipe could block forever
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
