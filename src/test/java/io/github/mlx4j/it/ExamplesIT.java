package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.JavaCommand;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Runs the programs of docs/examples as a new user does: each with only the dependencies that it names. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class ExamplesIT {

    private static final Path EXAMPLES = Path.of("docs", "examples");
    private static final Map<List<String>, String> CLASS_PATHS = new HashMap<>();

    @TempDir
    private Path folder;

    static Stream<Arguments> examples() {
        String sky = Fixture.known("Why is the sky blue?").text();
        return Stream.of(
                example("Demo", sky + "\nbackend: mlx .*\n", "Why is the sky blue?"),
                example("Ask", sky + "\n", "Why", "is", "the", "sky", "blue?"),
                example("PlainJava", "(?s).+\n- -?\\d+ (GRAM|PIECE) .+\ndone when: .+, after \\[].+, after \\[.*]\n"),
                example(
                        "LangChain4j",
                        "The capital of Germany is Berlin.\nThe weather in Munich is sunny.\n" + sky
                                + "\nTokenUsage \\{.*}\n"),
                example(
                        "AiService",
                        "getWeather\\(Munich\\)\nThe weather in Munich is sunny.\n"
                                + "Review\\[mood=(GLAD|ANGRY), recommended=(true|false)]\n"),
                example("Requests", "(yes|no) \\(STOP\\)\n(yes|no)\n"),
                example(
                        "Inspect",
                        "hf, \\d+ bytes of weights\n(?s:.*)mlx: loads, mlx .*\n(?s:.*)hf: .*\n",
                        Fixture.MODEL.toString()),
                example("Rerank", "(0\\.\\d+(E-\\d+)? .+\\.\n){3}"),
                example("RerankedRag", "(0\\.\\d+(E-\\d+)? .+\\.\n){2}(?s:.+)"),
                example("Rag", "found: Pancakes are made of flour, milk and eggs.\n(?s:.+)"));
    }

    private static Arguments example(String name, String prints, String... arguments) {
        return Arguments.of(name, prints, List.of(arguments));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("examples")
    void shouldRunWithTheDependenciesThatItNames(String name, String prints, List<String> arguments) throws Exception {
        Path source = EXAMPLES.resolve(name + ".java");
        List<String> command = JavaCommand.of("-cp", classPath(source), source.toString());
        command.addAll(arguments);

        Map<String, String> environment = new HashMap<>(Program.ENVIRONMENT);
        if (name.startsWith("Rerank")) {
            environment.put("MLX_MODEL_RERANKER", MadeModels.of("reranker").toString());
        }
        Program run = Program.run(environment, command);

        assertThat(run.exit()).as(run.err()).isZero();
        assertThat(run.out()).matches(prints);
    }

    private String classPath(Path source) throws Exception {
        List<String> dependencies = dependencies(source);
        if (!CLASS_PATHS.containsKey(dependencies)) {
            CLASS_PATHS.put(
                    dependencies, ConsumerProject.in(folder).with(dependencies).build());
        }
        return CLASS_PATHS.get(dependencies);
    }

    private static List<String> dependencies(Path source) throws IOException {
        try (Stream<String> lines = Files.lines(source)) {
            return lines.filter(line -> line.startsWith("//DEPS "))
                    .map(line -> line.substring("//DEPS ".length()))
                    .toList();
        }
    }
}
