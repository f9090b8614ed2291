package io.github.mlx4j.it;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.config.MlxConfig;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.environment.Interpreters;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The small real model, prompts that it answers with a clear margin, and factories that use the real workers. */
public final class Fixture {

    public static final Path MODEL =
            Path.of("src", "test", "resources", "models", "tiny-chat").toAbsolutePath();
    public static final Path HOME = Optional.ofNullable(System.getenv("MLX4J_HOME"))
            .map(Path::of)
            .orElse(Path.of(System.getProperty("user.home"), ".mlx4j"));
    public static final String STORY = "Tell me a long story";

    /** The tests compare numbers with those of other devices, so float32 is not rounded to TF32. */
    static final MlxConfig MLX = MlxConfig.builder().tf32(false).build();

    static final WorkerConfig WORKERS = WorkerConfig.builder().mlx(MLX).build();

    private static final Pattern THINKING = Pattern.compile("(?s)(?:<think>(.*)</think>)?(.*)");

    private Fixture() {}

    /**
     * A prompt with its greedy answer, which was computed with torch when the model was created.
     *
     * @param messages the chat
     * @param text the answer's text, without its thinking
     * @param thinking its thinking, or empty
     * @param tokens the answer's token IDs, without the end token
     */
    public record Known(List<Message> messages, String text, String thinking, List<Integer> tokens) {

        public GenerationRequest request() {
            return GenerationRequest.chat(messages);
        }

        String question() {
            return messages.get(messages.size() - 1).content();
        }
    }

    /** Every prompt without tools. */
    public static List<Known> knownAnswers() {
        JsonMapper json = new JsonMapper();
        List<Known> known = new ArrayList<>();
        try {
            for (String line : Files.readAllLines(MODEL.resolve("test-prompts.jsonl"))) {
                JsonNode record = json.readTree(line);
                if (!record.has("tools")) {
                    List<Message> messages = new ArrayList<>();
                    record.get("messages")
                            .forEach(m -> messages.add(new Message(
                                    Message.Role.valueOf(m.get("role").asText().toUpperCase(Locale.ROOT)),
                                    m.get("content").asText())));
                    List<Integer> tokens = new ArrayList<>();
                    record.get("tokens").forEach(token -> tokens.add(token.asInt()));
                    Matcher answer = THINKING.matcher(record.get("text").asText());
                    answer.matches();
                    String thinking = answer.group(1) == null ? "" : answer.group(1);
                    known.add(new Known(messages, answer.group(2), thinking, tokens));
                }
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return known;
    }

    public static Known known(String question) {
        return knownAnswers().stream()
                .filter(known -> known.question().equals(question))
                .findFirst()
                .orElseThrow();
    }

    /** A configuration of one worker kind over the fixture model, without fallback. */
    public static ProviderConfig.Builder config(ProviderKind kind) {
        return ProviderConfig.builder()
                .provider(kind)
                .fallback(List.of())
                .model(ProviderKind.MLX, MODEL.toString())
                .home(HOME)
                .allowAnyPlatform(true)
                .workers(WORKERS)
                .download(false);
    }

    public static ProviderFactory factory(ProviderKind kind, Path model) {
        return ProviderFactory.create(config(kind).model(kind, model.toString()).build());
    }

    /** The interpreter of a managed environment. */
    public static Path python(ProviderKind kind) {
        Path python = Interpreters.managed(HOME, kind);
        if (!Files.isExecutable(python)) {
            throw new IllegalStateException("No environment at " + python + ": run scripts/mlx4j setup " + kind.id());
        }
        return python;
    }

    /** The running workers of this JVM, of one kind. */
    static List<ProcessHandle> workers(ProviderKind kind) {
        return ProcessHandle.current()
                .children() // a worker's own watchdog has its name too
                .filter(child -> child.info()
                        .commandLine()
                        .map(line -> line.contains(kind.id() + "_worker.py"))
                        .orElse(false))
                .toList();
    }

    /** The private folder of a worker: its last argument but one. */
    static Path folder(ProcessHandle worker) {
        String[] arguments = worker.info().arguments().orElseThrow();
        return Path.of(arguments[arguments.length - 2]);
    }
}
