package io.github.mlx4j.programs.bench;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** The model that all arms load. */
final class BenchModel {

    private static final JsonMapper JSON = new JsonMapper();

    private BenchModel() {}

    /**
     * Creates a copy of the small model whose answers never end by themselves, so that all arms generate the same
     * number of tokens: its end token is one that it never generates. Without {@code tags}, the markers of thinking and
     * tool calls are ordinary words in it, because servers remove such markers from the text.
     */
    static Path endless(Path model, Path folder, boolean tags) throws IOException {
        Files.createDirectories(folder);
        for (Path file : files(model)) {
            Files.copy(file, folder.resolve(file.getFileName()));
        }
        for (String name : List.of("config.json", "generation_config.json")) {
            edit(folder.resolve(name), json -> json.put("eos_token_id", 0));
        }
        edit(folder.resolve("tokenizer_config.json"), json -> json.put("eos_token", "<|endoftext|>"));
        for (String name : tags ? List.<String>of() : List.of("tokenizer.json", "chat_template.jinja")) {
            Path file = folder.resolve(name);
            String text = Files.readString(file);
            Files.writeString(file, text.replace("think>", "mark1>").replace("tool_call>", "mark2>"));
        }
        return folder;
    }

    /** Returns the SHA-256 hash of a folder's files, including their names. */
    static String hash(Path folder) throws IOException {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (Path file : files(folder)) {
                digest.update((file.getFileName() + "\n").getBytes(StandardCharsets.UTF_8));
                byte[] part = new byte[1 << 16];
                try (var bytes = Files.newInputStream(file)) {
                    for (int n = bytes.read(part); n >= 0; n = bytes.read(part)) {
                        digest.update(part, 0, n);
                    }
                }
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error);
        }
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(Files::isRegularFile).sorted().toList();
        }
    }

    private static void edit(Path file, Consumer<ObjectNode> change) throws IOException {
        ObjectNode json = (ObjectNode) JSON.readTree(file.toFile());
        change.accept(json);
        JSON.writeValue(file.toFile(), json);
    }
}
