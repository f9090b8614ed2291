package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.JavaCommand;
import io.github.mlx4j.ProjectVersion;
import java.io.File;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tests a program in a separate project, with mlx4j as its only dependency. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class ConsumerIT {

    private static final Path MODULE = Path.of("src", "test", "resources", "module");

    @TempDir
    private static Path project;

    private static String classPath = "";

    @BeforeAll
    static void buildTheProject() throws Exception {
        classPath = ConsumerProject.in(project).build();
    }

    @Test
    void shouldAnswerWithWhatIsNeededAndNothingOptional() throws Exception {
        Fixture.Known known = Fixture.known("Who are you?");

        Program run =
                Program.run(Program.ENVIRONMENT, JavaCommand.of("-cp", classPath, "consumer.Main", known.question()));

        assertThat(run.exit()).as(run.err()).isZero();
        assertThat(run.out()).isEqualTo(known.text() + System.lineSeparator());
        assertThat(Arrays.stream(classPath.split(File.pathSeparator))
                        .map(entry -> Path.of(entry).getFileName().toString())
                        .filter(entry -> entry.endsWith(".jar"))
                        .sorted())
                .isEqualTo(Files.readString(project.resolve("jars.txt"))
                        .replace("${mlx4j.version}", ProjectVersion.text())
                        .lines()
                        .toList());
    }

    @Test
    void shouldAnswerOnTheModulePath(@TempDir Path folder) throws Exception {
        String modulePath = modulePath();
        Path app = compile(MODULE, modulePath, folder.resolve("app"));
        Fixture.Known known = Fixture.known("Who are you?");

        Program run = Program.run(
                Program.ENVIRONMENT,
                JavaCommand.of(
                        "--module-path",
                        modulePath + File.pathSeparator + app,
                        "--module",
                        "app/app.Main",
                        Fixture.MODEL.toString(),
                        known.question()));

        assertThat(run.exit()).as(run.err()).isZero();
        assertThat(run.out().lines()).containsExactly("io.github.mlx4j Rome true HF true", known.text());
    }

    @Test
    void shouldNotCompileOnTheModulePathWhenItUsesAnInternalPackage(@TempDir Path folder) throws Exception {
        String modulePath = modulePath();
        Path sources = Files.createDirectories(folder.resolve("sources"));
        Files.copy(MODULE.resolve("module-info.java"), sources.resolve("module-info.java"));
        Files.createDirectory(sources.resolve("app"));
        Files.writeString(
                sources.resolve("app").resolve("Main.java"),
                "package app; class Main { io.github.mlx4j.internal.files.FileTree tree; }");
        StringWriter messages = new StringWriter();

        int code = javac(sources, modulePath, folder.resolve("app"), messages);

        assertThat(code).isOne();
        assertThat(messages.toString())
                .contains("package io.github.mlx4j.internal.files is not visible")
                .contains("1 error");
    }

    private static String modulePath() {
        return Arrays.stream(classPath.split(File.pathSeparator))
                .filter(entry -> entry.endsWith(".jar"))
                .collect(Collectors.joining(File.pathSeparator));
    }

    private static Path compile(Path sources, String modulePath, Path output) {
        StringWriter messages = new StringWriter();
        assertThat(javac(sources, modulePath, output, messages))
                .as(messages.toString())
                .isZero();
        return output;
    }

    private static int javac(Path sources, String modulePath, Path output, StringWriter messages) {
        return ToolProvider.findFirst("javac")
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
    }
}
