package io.github.mlx4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import javax.tools.ToolProvider;
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
                "SpringBoot"
            })
    void shouldCompileWhenAnExampleIsShown(String name, @TempDir Path folder) {
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        String classes = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));

        int code = ToolProvider.getSystemJavaCompiler()
                .run(null, null, said, "-cp", classes, "-d", folder.toString(), "docs/examples/" + name + ".java");

        assertThat(code).as(said.toString(StandardCharsets.UTF_8)).isZero();
    }
}
