package io.github.mlx4j.probe;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.internal.worker.BundledScripts;
import io.github.mlx4j.internal.worker.PrivateFolder;
import io.github.mlx4j.internal.worker.WorkerEnvironment;
import io.github.mlx4j.port.ProviderKind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.zeroturnaround.exec.MessageLoggers;
import org.zeroturnaround.exec.ProcessExecutor;
import org.zeroturnaround.exec.ProcessResult;
import org.zeroturnaround.exec.stream.LogOutputStream;

/**
 * Finds out whether a worker can run here: platform, interpreter, Python's version, packages, in this order; the first
 * that fails is the answer. Takes a tenth of a second, starts no worker, loads no model. Thread-safe.
 */
public final class WorkerProbe {

    /** The oldest Python that mlx-lm and transformers run on: 3.{@value}. */
    public static final int OLDEST_PYTHON_MINOR = 11;

    static final Availability.Unavailable NOT_ON_WINDOWS = new Availability.Unavailable(
            Reason.WINDOWS, "The workers don't run on Windows.", "Use another provider, or WSL.");

    private static final int PROBE_SECONDS = 60;
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
            .build();

    private final ProviderKind kind;
    private final Platform platform;
    private final boolean anyPlatform;
    private final Interpreters interpreters;
    private Availability.@Nullable Ready ready;

    /** Creates it; {@code anyPlatform} skips the check for macOS on Apple silicon. */
    public WorkerProbe(ProviderKind kind, Platform platform, boolean anyPlatform, Interpreters interpreters) {
        this.kind = kind;
        this.platform = platform;
        this.anyPlatform = anyPlatform;
        this.interpreters = interpreters;
    }

    /** The answer. A ready one is kept, another is looked for anew each time. */
    public synchronized Availability check() {
        if (ready == null) {
            Availability found = look("find");
            if (!(found instanceof Availability.Ready good)) {
                return found;
            }
            ready = good;
        }
        return ready;
    }

    /** The answer after every package was really imported, which takes seconds. */
    public Availability checkImports() {
        return look("import");
    }

    private Availability look(String mode) {
        if (platform.isWindows()) {
            return NOT_ON_WINDOWS;
        }
        if (kind == ProviderKind.MLX && !anyPlatform) {
            Optional<Availability.Unavailable> wrong = platform.whyNotAppleSilicon();
            if (wrong.isPresent()) {
                return wrong.get();
            }
        }
        Interpreters.Found found = interpreters.find(kind);
        return found.interpreter() != null ? ask(found.interpreter(), mode) : found.missing();
    }

    private Availability ask(Path interpreter, String mode) {
        try (PrivateFolder temporary = PrivateFolder.create("probe")) {
            List<String> command = new ArrayList<>(
                    List.of(interpreter.toString(), "-I", "-X", "utf8", "-c", BundledScripts.text("probe.py"), mode));
            command.addAll(Needs.of(kind).modules());
            StringBuilder errors = new StringBuilder();
            ProcessResult result = new ProcessExecutor(command)
                    .environment(WorkerEnvironment.from(System.getenv(), temporary.asTemporary()))
                    .redirectErrorStream(false)
                    .redirectError(new LogOutputStream() {
                        @Override
                        protected void processLine(String line) {
                            errors.append(errors.length() < 1000 ? line + " " : "");
                        }
                    })
                    .readOutput(true)
                    .timeout(PROBE_SECONDS, TimeUnit.SECONDS)
                    .setMessageLogger(MessageLoggers.NOP)
                    .execute();
            String[] lines = result.outputUTF8().strip().split("\n"); // a package may print; ours is the last line
            String last = Arrays.asList(lines).get(lines.length - 1);
            return result.getExitValue() == 0
                    ? judge(interpreter, JSON.readValue(last, PythonReport.class))
                    : broken(
                            interpreter,
                            "ended with exit code " + result.getExitValue() + ": "
                                    + errors.toString().strip());
        } catch (TimeoutException late) {
            return broken(interpreter, "did not answer within " + PROBE_SECONDS + " s");
        } catch (IOException error) {
            Throwable plain = error.getCause() instanceof IOException cause ? cause : error; // zt-exec adds the script
            return broken(interpreter, "could not be asked: " + plain.getMessage());
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            return broken(interpreter, "was not waited for, since the thread was interrupted");
        }
    }

    private Availability judge(Path interpreter, PythonReport report) {
        Needs needs = Needs.of(kind);
        if (report.isOlderThan(3, OLDEST_PYTHON_MINOR)) {
            return new Availability.Unavailable(
                    Reason.PYTHON_TOO_OLD,
                    "%s is Python %s, but %s needs 3.%d or newer."
                            .formatted(interpreter, report.versionText(), needs.name(), OLDEST_PYTHON_MINOR),
                    "Install a newer Python and run `mlx4j setup %s`, or name one in PYTHON_PATH."
                            .formatted(kind.id()));
        }
        if (!report.userOnly().isEmpty()) {
            return new Availability.Unavailable(
                    Reason.PACKAGE_USER_ONLY,
                    "%s has %s only in the user's own site-packages (pip install --user), where an isolated worker does not look."
                            .formatted(interpreter, String.join(", ", report.userOnly())),
                    "Run `mlx4j setup %s`, which makes an environment of its own.".formatted(kind.id()));
        }
        if (!report.missing().isEmpty()) {
            return new Availability.Unavailable(
                    Reason.PACKAGE_MISSING,
                    "%s has no %s.".formatted(interpreter, String.join(", ", report.missing())),
                    "Run `mlx4j setup %s`, or name an interpreter that has it in PYTHON_PATH.".formatted(kind.id()));
        }
        if (!report.broken().isEmpty()) {
            return new Availability.Unavailable(
                    Reason.PACKAGE_BROKEN,
                    "%s can't import %s.".formatted(interpreter, report.broken()),
                    "Run `mlx4j setup %s`, which repairs the managed environment.".formatted(kind.id()));
        }
        return needs.tooOld(report.versions())
                .<Availability>map(old -> new Availability.Unavailable(
                        Reason.PACKAGE_TOO_OLD,
                        "%s has %s.".formatted(interpreter, old),
                        "Run `mlx4j setup %s`, or upgrade it.".formatted(kind.id())))
                .orElseGet(() -> new Availability.Ready(interpreter, report.versionText(), report.versions()));
    }

    private static Availability broken(Path interpreter, String how) {
        return new Availability.Unavailable(
                Reason.PYTHON_BROKEN,
                "The Python interpreter " + interpreter + " " + how + ".",
                "Name another one in PYTHON_PATH, or run `mlx4j setup`.");
    }
}
