package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A program in a project of its own, with mlx4j as its one dependency. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class ConsumerIT {

    @Test
    void shouldAnswerWithWhatIsNeededAndNothingOptional(@TempDir Path folder) throws Exception {
        String classPath = ConsumerProject.in(folder).build();
        Fixture.Known known = Fixture.known("Who are you?");

        Program run = Program.run(
                Program.ENVIRONMENT, List.of(Program.java(), "-cp", classPath, "consumer.Main", known.question()));

        assertThat(run.exit()).as(run.err()).isZero();
        assertThat(run.out()).isEqualTo(known.text() + System.lineSeparator());
        assertThat(Arrays.stream(classPath.split(File.pathSeparator))
                        .map(entry -> Path.of(entry).getFileName().toString())
                        .filter(entry -> entry.endsWith(".jar"))
                        .sorted())
                .isEqualTo(Files.readAllLines(folder.resolve("jars.txt")));
    }

    @Test
    void shouldAnswerOnTheModulePath(@TempDir Path folder) throws Exception {
        String modulePath = jarsOf(ConsumerProject.in(folder).build());
        Path app = compile(Path.of("src", "test", "resources", "module"), modulePath, folder.resolve("app"));
        Fixture.Known known = Fixture.known("Who are you?");

        Program run = Program.run(
                Program.ENVIRONMENT,
                List.of(
                        Program.java(),
                        "--module-path",
                        modulePath + File.pathSeparator + app,
                        "--module",
                        "app/app.Main",
                        Fixture.MODEL.toString(),
                        known.question()));

        assertThat(run.exit()).as(run.err()).isZero();
        assertThat(run.out().lines()).containsExactly("io.github.mlx4j Rome true HF true", known.text());
    }

    private static String jarsOf(String classPath) {
        return Arrays.stream(classPath.split(File.pathSeparator))
                .filter(entry -> entry.endsWith(".jar"))
                .collect(Collectors.joining(File.pathSeparator));
    }

    private static Path compile(Path sources, String modulePath, Path output) {
        StringWriter messages = new StringWriter();
        int code = ToolProvider.findFirst("javac")
                .orElseThrow()
                .run(
                        new PrintWriter(messages),
                        new PrintWriter(messages),
                        "--module-path",
                        modulePath,
                        "-d",
                        output.toString(),
                        sources.resolve("module-info.java").toString(),
                        sources.resolve("app").resolve("Main.java").toString());
        assertThat(code).as(messages.toString()).isZero();
        return output;
    }
}
