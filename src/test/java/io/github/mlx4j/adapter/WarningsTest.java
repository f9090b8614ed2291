package io.github.mlx4j.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.JavaCommand;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.zeroturnaround.exec.ProcessExecutor;

/** Tests the warnings that the documentation promises. */
@Timeout(180)
class WarningsTest {

    @Test
    void shouldWarnOfAFallbackOfAKeyInTheClearAndOfAWorkerThatWasNotClosed() throws Exception {
        ByteArrayOutputStream log = new ByteArrayOutputStream();
        int code = new ProcessExecutor(JavaCommand.of(
                        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                        "-cp",
                        System.getProperty("java.class.path"),
                        WarningsProgram.class.getName()))
                .redirectErrorStream(false)
                .redirectError(log)
                .timeout(150, TimeUnit.SECONDS)
                .execute()
                .getExitValue();

        assertThat(code).isZero();
        assertThat(log.toString(StandardCharsets.UTF_8))
                .contains("first failed; falling back to second: It broke.")
                .contains("The API key for openai is sent to http://mlx4j.invalid/v1 unencrypted; use https")
                .contains("LEAK: the mlx worker of fake was garbage-collected without being closed")
                .doesNotContain("sk-secret");
    }
}
