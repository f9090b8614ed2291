package io.github.mlx4j.internal.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.JavaCommand;
import io.github.mlx4j.error.ConfigurationException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class PrivateFolderTest {

    @Test
    void shouldNameThePropertyWhenThereIsNoTemporaryFolder(@TempDir Path scratch) throws Exception {
        Path missing = scratch.resolve("missing");
        Process process = new ProcessBuilder(JavaCommand.of(
                        "-Djava.io.tmpdir=" + missing,
                        "-cp",
                        System.getProperty("java.class.path"),
                        PrivateFolderTest.class.getName()))
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

        assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
        assertThat(said).contains("No folder can be created in the temporary folder, " + missing, "-Djava.io.tmpdir");
    }

    /** The JVM reads the property once, so this is another one. */
    public static void main(String[] args) {
        try {
            PrivateFolder.create("test").close();
        } catch (ConfigurationException error) {
            System.out.println(error.getMessage());
        }
    }
}
