package io.github.mlx4j.compare;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.DependencyMissingException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.internal.process.BundledScripts;
import io.github.mlx4j.internal.process.IsolatedProcess;
import io.github.mlx4j.internal.process.PrivateFolder;
import io.github.mlx4j.internal.process.WorkerEnvironment;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/**
 * Runs Python code that a model wrote, each time in a new, sandboxed process. The process can read only Python's
 * standard library, writes no files, has no network, and starts no processes or threads. It is limited to 10 seconds of
 * CPU time, 30 seconds of wall-clock time, 512 MiB of memory and 1 MiB of results. The process receives only the
 * arguments of a test's calls. The returned values are compared in this program, so the code can't claim that it
 * passes. Thread-safe.
 */
public final class CodeRunner implements AutoCloseable {

    private static final JsonMapper JSON = new JsonMapper();
    private static final Duration PATIENCE = Duration.ofMinutes(2); // the process enforces shorter limits itself
    private static final int NOT_HELD = 3; // exit codes of code_runner.py
    private static final int OUT_OF_TIME = 124;
    private static final int OUT_OF_MEMORY = 125;
    private static final int TOO_MUCH_OUTPUT = 126;
    private static final int MAX_SHOWN = 120;
    private static final CodeTest TRIAL = new CodeTest("add", List.of(new CodeTest.Call("[1, 2]", "3")));

    private record Ending(int exitCode, List<String> lines, String errors) {}

    private final List<String> python;
    private final PrivateFolder folder;
    private final Path script;

    private CodeRunner(List<String> python, PrivateFolder folder, Path script) {
        this.python = List.copyOf(python);
        this.folder = folder;
        this.script = script;
    }

    /**
     * Starts a runner. A trial run checks the sandbox first, so code never runs without one.
     *
     * @param python the command of the interpreter, Python 3.11 or newer: its absolute path, preceded by the launcher's
     *     command if there is one
     * @throws NotSupportedException if this system can't restrict a process to this extent
     * @throws DependencyMissingException if this Python can't run the script
     * @throws CancelledException if this thread is interrupted
     */
    public static CodeRunner start(List<String> python) {
        PrivateFolder folder = PrivateFolder.create("code");
        try {
            Path interpreter = Path.of(python.get(python.size() - 1));
            Path script =
                    new BundledScripts("code_runner.py").install(folder.path().resolve("scripts"), interpreter);
            CodeRunner runner = new CodeRunner(python, folder, script);
            runner.checkHeld();
            return runner;
        } catch (IOException unwritable) {
            folder.close();
            throw new DependencyMissingException(
                    "The script that runs code can't be written: " + unwritable.getMessage(),
                    "Check the temporary folder and its free disk space.",
                    unwritable);
        } catch (RuntimeException failure) {
            folder.close();
            throw failure;
        }
    }

    /** Returns a readable reason why code fails a test; empty if it passes. */
    Optional<String> failure(CodeTest test, String code) {
        Ending ending = run(test, code);
        for (int i = 0; i < test.calls().size(); i++) {
            CodeTest.Call call = test.calls().get(i);
            if (i >= ending.lines.size()) {
                return Optional.of(ended(ending.exitCode));
            }
            JsonNode line = read(ending.lines.get(i));
            if (!line.has("value") || !CodeTest.isEqual(line.get("value"), read(call.returns()))) {
                String got = line.has("error")
                        ? line.get("error").asText()
                        : line.has("value") ? "returned " + line.get("value") : "returned no readable value";
                return Optional.of("%s(%s) should return %s: %s"
                        .formatted(
                                test.function(),
                                shown(call.arguments().strip().replaceAll("^\\[|]$", "")),
                                shown(call.returns()),
                                shown(got)));
            }
        }
        return ending.exitCode == 0 && ending.lines.size() == test.calls().size()
                ? Optional.empty()
                : Optional.of(ended(ending.exitCode));
    }

    @Override
    public void close() {
        folder.close();
    }

    private void checkHeld() {
        Ending trial = run(TRIAL, "def add(a, b):\n    return a + b\n");
        if (trial.exitCode == NOT_HELD) {
            String missing = trial.lines.stream()
                    .flatMap(line -> read(line).path("missing").valueStream())
                    .map(JsonNode::asText)
                    .reduce("", (all, one) -> all + " " + one);
            throw new NotSupportedException(
                    "Model-generated code can't run here because this system can't sandbox it." + missing,
                    "Run without --allow-code, which skips the code tasks, or use Linux 6.2 or later.");
        }
        if (trial.exitCode != 0 || !trial.lines.equals(List.of("{\"value\": 3}"))) {
            throw new DependencyMissingException(
                    "The Python %s can't run code in a sandbox: exit code %d. %s"
                            .formatted(python.get(python.size() - 1), trial.exitCode, trial.errors),
                    "Set PYTHON_PATH to another Python, or run `mlx4j setup`.");
        }
    }

    private Ending run(CodeTest test, String code) {
        List<String> lines = new CopyOnWriteArrayList<>();
        IsolatedProcess.Excerpt errors = new IsolatedProcess.Excerpt(500);
        try {
            int exit = IsolatedProcess.run(
                    Stream.concat(python.stream(), Stream.of("-I", "-S", "-X", "utf8", script.toString()))
                            .toList(),
                    WorkerEnvironment.none(System.getenv()),
                    job(test, code),
                    PATIENCE,
                    line -> {
                        if (lines.size() <= test.calls().size()) {
                            lines.add(line);
                        }
                    },
                    errors);
            return new Ending(exit, lines, errors.toString());
        } catch (IOException error) {
            throw new DependencyMissingException(
                    "The Python %s can't be run: %s".formatted(python.get(python.size() - 1), error.getMessage()),
                    "Set PYTHON_PATH to another Python, or run `mlx4j setup`.",
                    error);
        } catch (TimeoutException late) {
            return new Ending(OUT_OF_TIME, lines, "");
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            throw new CancelledException("The run of a model's code was interrupted.", "", interrupt);
        }
    }

    private static byte[] job(CodeTest test, String code) throws JsonProcessingException {
        ObjectNode job = JSON.createObjectNode().put("code", code).put("function", test.function());
        for (CodeTest.Call call : test.calls()) {
            job.withArray("calls").add(JSON.readTree(call.arguments()));
        }
        return JSON.writeValueAsString(job).getBytes(StandardCharsets.UTF_8);
    }

    private static JsonNode read(String line) {
        try {
            return JSON.readTree(line);
        } catch (JsonProcessingException garbage) {
            return JSON.missingNode();
        }
    }

    private static String ended(int exitCode) {
        return switch (exitCode) {
            case OUT_OF_TIME -> "it used more than 10 s of CPU time or ran for more than 30 s";
            case OUT_OF_MEMORY -> "it used more than 512 MiB of memory";
            case TOO_MUCH_OUTPUT -> "its results are longer than 1 MiB";
            default -> "it exited before all calls had returned (exit code %d)".formatted(exitCode);
        };
    }

    private static String shown(String text) {
        return text.length() > MAX_SHOWN ? text.substring(0, MAX_SHOWN) + "…" : text;
    }
}
