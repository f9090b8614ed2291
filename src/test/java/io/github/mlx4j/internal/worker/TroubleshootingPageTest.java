package io.github.mlx4j.internal.worker;

import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.environment.Reason;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.internal.protocol.Inbound.WorkerError;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Checks that {@code docs/troubleshooting.md} matches the code. */
class TroubleshootingPageTest {

    private static final Path MAIN = Path.of("src", "main", "java", "io", "github", "mlx4j");
    private static final String PAGE = read(Path.of("docs", "troubleshooting.md"));
    private static final String JAVA = sources(MAIN, ".java");
    private static final String PYTHON = sources(Path.of("python", "mlx4j_worker"), ".py");

    @Test
    void shouldHaveASectionForEachCodeAndReasonAndNoOther() {
        Set<String> codes =
                new TreeSet<>(found("super\\(\\s*\"([A-Z_]+)\", [Ff]ault", sources(MAIN.resolve("error"), ".java")));
        assertThat(codes).as("one for each class with a fixed code").hasSize(fixedCodes());
        codes.addAll(found("new ProviderUnavailableException\\(\\s*\"([A-Z_]+)\"", JAVA));
        for (ProviderKind kind : ProviderKind.values()) {
            codes.add(kind.name() + "_NOT_AVAILABLE");
        }
        Arrays.stream(Reason.values()).map(Reason::name).forEach(codes::add);

        List<String> sections = found("(?m)^### `([A-Z_0-9]+)`$", PAGE);
        assertThat(sections).doesNotHaveDuplicates().containsExactlyInAnyOrderElementsOf(codes);
    }

    /** Only ProviderUnavailableException takes its code from its caller. */
    private static int fixedCodes() {
        return Mlx4jException.class.getPermittedSubclasses().length - 1;
    }

    @Test
    void shouldQuoteMessagesThatTheCodeHas() {
        List<String> blocks = found("(?s)```text\n(.*?)```", PAGE);

        assertThat(blocks).hasSizeGreaterThan(40);
        assertThat(blocks.stream()
                        .flatMap(String::lines)
                        .flatMap(line -> Arrays.stream(line.split("…|What to do:")))
                        .map(String::strip)
                        .filter(fragment -> fragment.length() > 3))
                .allSatisfy(fragment -> assertThat(JAVA.contains(fragment) || PYTHON.contains(fragment))
                        .as("'%s' is a part of a message", fragment)
                        .isTrue());
    }

    @Test
    void shouldListTheKindsOfWorkerErrors() {
        Set<String> kinds = new TreeSet<>(found(
                "kind[a-z, ]* = (?:-\\d+, )?\"([a-z_]+)\"", read(Path.of("python", "mlx4j_worker", "errors.py"))));
        kinds.add("busy"); // Java knows it for workers to come
        Map<String, String> expected = kinds.stream()
                .collect(
                        toMap(kind -> kind, kind -> WorkerErrors.of(error(kind)).code()));

        Map<String, String> table = new TreeMap<>();
        Pattern.compile("(?m)^\\| `([a-z_]+)` \\| `([A-Z_]+)` \\|$")
                .matcher(PAGE)
                .results()
                .forEach(row -> table.put(row.group(1), row.group(2)));
        assertThat(table).isEqualTo(expected).hasSizeGreaterThan(15);
    }

    private static WorkerError error(String kind) {
        return new WorkerError(-1, "", new WorkerError.Data(kind, false, "", ""));
    }

    private static List<String> found(String pattern, String text) {
        return Pattern.compile(pattern)
                .matcher(text)
                .results()
                .map((MatchResult result) -> result.group(1))
                .toList();
    }

    /** All files as one text, in which string literals that are concatenated are one. */
    private static String sources(Path folder, String end) {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> file.toString().endsWith(end))
                    .map(TroubleshootingPageTest::read)
                    .collect(Collectors.joining())
                    .replaceAll("\"\\s*\\+\\s*\"", "")
                    .replaceAll("\"\\s*\n\\s*f?\"", "");
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
