package io.github.mlx4j.environment;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.internal.process.BundledScripts;
import io.github.mlx4j.internal.process.IsolatedProcess;
import io.github.mlx4j.internal.process.WorkerEnvironment;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import java.util.function.BiFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Probes interpreters one after another until one is suitable. Not thread-safe. */
final class PythonSearch {

    private static final int MAX_REASONS = 5;

    /**
     * The reasons, from the least to the most useful one to report if there are several interpreters and none is
     * suitable.
     */
    private static final List<Reason> RANKS = List.of(
            Reason.PYTHON_NOT_FOUND,
            Reason.PYTHON_BROKEN,
            Reason.PYTHON_TOO_OLD,
            Reason.PYTHON_TOO_NEW,
            Reason.PYTHON_NOT_ARM64,
            Reason.PACKAGE_MISSING,
            Reason.PACKAGE_USER_ONLY,
            Reason.PACKAGE_TOO_OLD,
            Reason.PACKAGE_BROKEN);

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
            .build();

    private final Interpreters interpreters;
    private final List<String> launcher;
    private final Duration patience;
    private final DeveloperTools tools;

    /**
     * Creates a search. {@code patience} is the timeout for a single interpreter; once that much time has passed in
     * total, no further interpreters are tried.
     */
    PythonSearch(Interpreters interpreters, Platform platform, Duration patience) {
        this.interpreters = interpreters;
        this.launcher = interpreters.launcher(platform);
        this.patience = patience;
        this.tools = new DeveloperTools(interpreters.folders());
    }

    /**
     * Returns the first suitable interpreter, or the reason why none is suitable.
     *
     * @param candidates the interpreters, in order
     * @param arguments the arguments of {@code probe.py}
     * @param judge decides on the basis of an interpreter's report
     * @param preferred the interpreter whose reason is returned if none is suitable, or {@code null} for the most
     *     useful reason
     * @param kind the worker kind, for messages
     * @throws CancelledException if this thread is interrupted
     */
    Found first(
            List<Path> candidates,
            List<String> arguments,
            BiFunction<Path, PythonReport, Availability> judge,
            @Nullable Path preferred,
            String kind) {
        long begun = System.nanoTime();
        List<Found> refused = new ArrayList<>();
        try {
            for (Path candidate : candidates) {
                if (tools.mustNotRun(candidate)) {
                    refused.add(new Found(null, placeholder(candidate)));
                    continue;
                }
                Found found = new Found(candidate, ask(candidate, arguments, judge));
                if (found.availability().isReady()) {
                    return found;
                }
                refused.add(found);
                if (System.nanoTime() - begun > patience.toNanos()) {
                    break;
                }
            }
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            throw new CancelledException("The search for a Python interpreter was interrupted.", "", interrupt);
        }
        return refused.isEmpty() ? new Found(null, interpreters.none(kind)) : best(refused, preferred);
    }

    private static Found best(List<Found> refused, @Nullable Path preferred) {
        Found best = refused.get(0);
        for (Found one : refused) {
            if (one.interpreter() != null && one.interpreter().equals(preferred)) {
                return one;
            }
            if (RANKS.indexOf(one.not().code()) > RANKS.indexOf(best.not().code())) {
                best = one;
            }
        }
        if (RANKS.indexOf(best.not().code()) >= RANKS.indexOf(Reason.PACKAGE_MISSING)) {
            return best;
        }
        List<Found> ordered = new ArrayList<>(refused);
        ordered.remove(best);
        ordered.add(0, best);
        String reasons = ordered.stream()
                .limit(MAX_REASONS)
                .map(one -> one.not().reason())
                .collect(Collectors.joining(" "));
        int more = refused.size() - MAX_REASONS;
        return new Found(
                best.interpreter(),
                new Availability.Unavailable(
                        best.not().code(),
                        more > 0 ? reasons + " " + more + " more are not suitable either." : reasons,
                        best.not().fix()));
    }

    private Availability ask(
            Path interpreter, List<String> arguments, BiFunction<Path, PythonReport, Availability> judge)
            throws InterruptedException {
        String[] last = {""}; // packages may print too; the report is the last line
        IsolatedProcess.Excerpt errors = new IsolatedProcess.Excerpt(1000);
        try {
            List<String> command = new ArrayList<>(launcher);
            command.addAll(List.of(interpreter.toString(), "-I", "-X", "utf8", "-c", BundledScripts.probe()));
            command.addAll(arguments);
            int exit = IsolatedProcess.run(
                    command,
                    WorkerEnvironment.from(System.getenv(), Map.of()),
                    patience,
                    line -> last[0] = line.isBlank() ? last[0] : line,
                    errors);
            return exit == 0
                    ? judge.apply(interpreter, JSON.readValue(last[0], PythonReport.class))
                    : broken(interpreter, "ended with exit code " + exit + ": " + errors);
        } catch (TimeoutException late) {
            return broken(interpreter, "did not answer within " + patience.toSeconds() + " s");
        } catch (JsonProcessingException other) {
            return broken(interpreter, "did not print what Python would print when asked for its packages");
        } catch (IOException error) {
            return broken(interpreter, "could not be asked: " + error.getMessage());
        }
    }

    private Availability broken(Path interpreter, String how) {
        return new Availability.Unavailable(
                Reason.PYTHON_BROKEN,
                "The Python interpreter " + interpreter + " " + how + ".",
                interpreters.named() == null
                        ? "Run `mlx4j setup`, or name another one in PYTHON_PATH."
                        : "%s names it: correct that, or unset it and run `mlx4j setup`."
                                .formatted(interpreters.setting()));
    }

    private static Availability placeholder(Path interpreter) {
        return new Availability.Unavailable(
                Reason.PYTHON_NOT_FOUND,
                interpreter + " is not used: Apple's command line developer tools are not installed, so it would only"
                        + " open a dialog that offers them.",
                "Install Python 3." + WorkerProbe.OLDEST_PYTHON_MINOR
                        + " or newer, such as with `brew install python`, and run `mlx4j setup`, or name one in"
                        + " PYTHON_PATH.");
    }

    /**
     * The result of a search.
     *
     * @param interpreter the suitable interpreter, or the one whose reason is given; {@code null} if there is none that
     *     can be run
     * @param availability whether the interpreter is suitable
     */
    record Found(@Nullable Path interpreter, Availability availability) {

        Availability.Unavailable not() {
            return (Availability.Unavailable) availability;
        }
    }
}
