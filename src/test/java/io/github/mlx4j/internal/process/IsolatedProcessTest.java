package io.github.mlx4j.internal.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.StubPython;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class IsolatedProcessTest {

    private static final Duration LONG = Duration.ofMinutes(1);

    @TempDir
    private Path folder;

    private final List<String> output = new CopyOnWriteArrayList<>();
    private final List<String> errors = new CopyOnWriteArrayList<>();

    @Test
    void shouldPassOnLinesAndTheExitCode() throws Exception {
        int exit = run("echo one; echo two >&2; printf 'three\\r\\nfo\\303\\274r'; exit 3");

        assertThat(exit).isEqualTo(3);
        assertThat(output).containsExactly("one", "three", "foür");
        assertThat(errors).containsExactly("two");
    }

    @Test
    void shouldCutLinesThatHaveNoEnd() throws Exception {
        run("head -c 50000000 /dev/zero | tr '\\0' x; echo; echo end");

        assertThat(output).hasSize(2).last().isEqualTo("end");
        assertThat(output.get(0)).hasSize(BoundedLines.MAX_BYTES);
    }

    @Test
    void shouldRunInAFolderOfItsOwnWithoutInput() throws Exception {
        run("pwd; ls -A; cat");

        assertThat(output).hasSize(1);
        Path own = Path.of(output.get(0));
        assertThat(own).isNotEqualTo(Path.of("").toAbsolutePath()).doesNotExist();
    }

    @Test
    void shouldHaveTheEnvironmentOfAWorker() throws Exception {
        Map<String, String> ours = new HashMap<>(System.getenv());
        ours.putAll(Map.of(
                "PYTHONPATH", "/evil", "SECRET", "hunter2", "https_proxy", "http://proxy", "SSL_CERT_DIR", "/certs"));
        IsolatedProcess.run(
                List.of("env"),
                WorkerEnvironment.from(ours, WorkerEnvironment.NETWORK, Map.of("EXTRA", "1")),
                LONG,
                output::add,
                errors::add);

        assertThat(output)
                .contains("https_proxy=http://proxy", "SSL_CERT_DIR=/certs", "EXTRA=1")
                .noneMatch(line -> line.startsWith("PYTHONPATH=") || line.startsWith("SECRET="));
    }

    @Test
    void shouldKillItWithItsChildrenWhenItIsLate() throws Exception {
        Path pids = folder.resolve("pids");
        Path script = StubPython.script(
                folder.resolve("script"),
                "#!/bin/sh",
                "trap '' TERM",
                "sleep 600 &",
                "echo $$ $! > '" + pids + "'",
                "wait");

        assertThatExceptionOfType(TimeoutException.class)
                .isThrownBy(() -> IsolatedProcess.run(
                        List.of(script.toString()), Map.of(), Duration.ofSeconds(2), output::add, errors::add));

        awaitGone(pids);
    }

    @Test
    void shouldKillItWhenTheThreadIsInterrupted() throws Exception {
        Path pids = folder.resolve("pids");
        CompletableFuture<Throwable> ended = new CompletableFuture<>();
        Thread caller = new Thread(() -> {
            try {
                run("echo $$ > '" + pids + "'; exec sleep 600");
            } catch (Throwable thrown) {
                ended.complete(thrown);
            }
        });
        caller.start();
        await().until(() -> Files.exists(pids) && Files.size(pids) > 1);
        caller.interrupt();

        assertThat(ended.get()).isInstanceOf(InterruptedException.class);
        awaitGone(pids);
    }

    @Test
    void shouldNameTheProgramOnlyWhenItCannotBeStarted() {
        assertThatExceptionOfType(IOException.class)
                .isThrownBy(() -> IsolatedProcess.run(
                        List.of("/no/such/program", "a long script"), Map.of(), LONG, output::add, errors::add))
                .withMessageContaining("/no/such/program")
                .withMessageNotContaining("a long script");
    }

    private int run(String script) throws Exception {
        return IsolatedProcess.run(List.of("/bin/sh", "-c", script), Map.of(), LONG, output::add, errors::add);
    }

    private static void awaitGone(Path pids) throws IOException {
        for (String pid : Files.readString(pids).strip().split(" ")) {
            await().until(() -> ProcessHandle.of(Long.parseLong(pid))
                    .filter(ProcessHandle::isAlive)
                    .isEmpty());
        }
    }
}
