package io.github.mlx4j.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.JavaCommand;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Tests what callers receive when this program, not the worker, is short of memory. Runs in a separate JVM with 64 MiB.
 */
@Timeout(180)
class SmallHeapTest {

    @TempDir
    private Path scratch;

    @Test
    void shouldFailStreamsThatNobodyReadsAndServeOthers() throws Exception {
        String endless = "{\"say\":\"" + "x".repeat(50_000) + "\"}";

        List<String> lines = run("24", endless, "{\"say\":\"other\"}");

        List<String> expected = new ArrayList<>(Collections.nCopies(24, "CLIENT_OUT_OF_MEMORY"));
        expected.add("other");
        expected.add("Hi of 2 events"); // starting and ready: the worker was not lost
        assertThat(lines).isEqualTo(expected);
    }

    @Test
    void shouldFailOpenCallsAtOnceWhenALineDoesNotFitIntoTheHeap() throws Exception {
        List<String> lines =
                run("2", "{\"say\":\"abc\",\"after\":1,\"pause\":true}", "{\"say\":\"abc\",\"objects\":2500000}");

        assertThat(lines)
                .containsExactly(
                        "CLIENT_OUT_OF_MEMORY", "CLIENT_OUT_OF_MEMORY", "CLIENT_OUT_OF_MEMORY", "Hi of 2 events");
    }

    private List<String> run(String... args) throws IOException, InterruptedException {
        Path out = scratch.resolve("out");
        List<String> command = JavaCommand.of(
                "-Xmx64m", "-cp", System.getProperty("java.class.path"), SmallHeapProgram.class.getName());
        command.addAll(List.of(args));
        Process process = new ProcessBuilder(command)
                .redirectOutput(out.toFile())
                .redirectError(scratch.resolve("err").toFile())
                .start();
        try {
            assertThat(process.waitFor(120, TimeUnit.SECONDS))
                    .as("it ends in time; so far: %s", Files.readString(out))
                    .isTrue();
            assertThat(process.exitValue()).as(() -> said("err")).isZero();
        } finally {
            process.destroyForcibly();
        }
        return Files.readAllLines(out, StandardCharsets.UTF_8);
    }

    private String said(String file) {
        try {
            return Files.readString(scratch.resolve(file));
        } catch (IOException error) {
            return error.toString();
        }
    }
}
