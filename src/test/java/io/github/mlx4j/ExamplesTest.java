package io.github.mlx4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExamplesTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "AiService",
                "Ask",
                "Demo",
                "Inspect",
                "LangChain4j",
                "PlainJava",
                "Rag",
                "Requests",
                "Rerank",
                "RerankedRag",
                "SpringBoot"
            })
    void shouldCompileWhenAnExampleIsShown(String name, @TempDir Path folder) {
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        String classes = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));

        int code = ToolProvider.getSystemJavaCompiler()
                .run(null, null, said, "-cp", classes, "-d", folder.toString(), "docs/examples/" + name + ".java");

        assertThat(code).as(said.toString(StandardCharsets.UTF_8)).isZero();
    }

    @Test
    void shouldStateTheVersionOfThePomInReadmeExamplesAndWorkers() throws IOException {
        String version = ProjectVersion.text();

        assertThat(Files.readString(Path.of("README.md")))
                .contains("<version>" + version + "</version>", "mlx4j-" + version + "-cli.jar");
        assertThat(Files.readString(Path.of("python", "mlx4j_worker", "__init__.py")))
                .contains("VERSION = \"" + version.replace("-SNAPSHOT", "") + "\"");
        try (Stream<Path> examples = Files.list(Path.of("docs", "examples"))) {
            assertThat(examples.filter(path -> path.toString().endsWith(".java")))
                    .isNotEmpty()
                    .allSatisfy(path -> assertThat(Files.readString(path))
                            .doesNotContainPattern("DEPS io.github.mlx4j:mlx4j:(?!" + Pattern.quote(version) + "\n)"));
        }
    }
}
