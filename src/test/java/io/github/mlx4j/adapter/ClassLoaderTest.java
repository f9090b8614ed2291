package io.github.mlx4j.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.JavaCommand;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.zeroturnaround.exec.ProcessExecutor;

/**
 * Tests that no thread, timer or circuit breaker keeps a reference to the class loader of a web application. Runs in a
 * separate JVM.
 */
@Timeout(180)
class ClassLoaderTest {

    @Test
    void shouldKeepNoClassLoaderOfAnApplicationThatHasTheLibraryAndClosesTheWorker() throws Exception {
        assertThat(run("own")).containsExactly("true");
    }

    @Test
    void shouldKeepNoClassLoaderOfACallerAsLongAsTheWorkerRuns() throws Exception {
        assertThat(run("shared")).containsExactly("true", "READY");
    }

    private static String[] run(String mode) throws Exception {
        ByteArrayOutputStream errors = new ByteArrayOutputStream();
        String output = new ProcessExecutor(JavaCommand.of(
                        "-cp", System.getProperty("java.class.path"), ClassLoaderProgram.class.getName(), mode))
                .redirectErrorStream(false)
                .redirectError(errors)
                .readOutput(true)
                .timeout(150, TimeUnit.SECONDS)
                .execute()
                .outputString(StandardCharsets.UTF_8.name());
        return (output + errors).lines().toArray(String[]::new);
    }
}
