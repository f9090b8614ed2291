package io.github.mlx4j.internal.worker;

import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.ConversionException;
import io.github.mlx4j.error.DependencyMissingException;
import io.github.mlx4j.error.DownloadException;
import io.github.mlx4j.error.EngineException;
import io.github.mlx4j.error.Fault;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.ModelNotFoundException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.ProtocolException;
import io.github.mlx4j.error.PythonTraceback;
import io.github.mlx4j.error.UnreadableAnswerException;
import io.github.mlx4j.error.UnsafeModelException;
import io.github.mlx4j.error.WorkerBusyException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.error.WorkerHungException;
import io.github.mlx4j.error.WorkerOutOfMemoryException;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.internal.protocol.Inbound.WorkerError;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Creates the exceptions that callers receive for errors in a worker. */
final class WorkerErrors {

    private static final int SIGNAL_BASE = 128;

    private WorkerErrors() {}

    /** Returns the exception for an error response of a worker. */
    static Mlx4jException of(WorkerError error) {
        String message = error.message();
        String hint = error.hint();
        PythonTraceback cause = error.detail().isEmpty() ? null : new PythonTraceback(error.detail());
        return switch (error.kind()) {
            case "invalid_request" -> new InvalidRequestException(message, hint, cause);
            case "not_supported" -> new NotSupportedException(message, hint, cause);
            case "context_overflow" -> new ContextOverflowException(message, hint, cause);
            case "cancelled" -> new CancelledException(message, hint, cause);
            case "model_not_found" -> new ModelNotFoundException(message, hint, cause);
            case "model_load_failed" -> new ModelLoadException(message, hint, cause);
            case "unsafe_model" -> new UnsafeModelException(message, hint, cause);
            case "dependency_missing" -> new DependencyMissingException(message, hint, cause);
            case "conversion_failed" -> new ConversionException(message, hint, cause);
            case "download_failed" -> new DownloadException(message, hint, cause);
            // the text was sent in chunks
            case "invalid_answer" -> new UnreadableAnswerException(message, hint, "", cause);
            case "out_of_memory" -> new WorkerOutOfMemoryException(message, hint, cause);
            case "busy", "not_ready" -> new WorkerBusyException(message, hint, cause);
            case "protocol_version", "parse_error", "invalid_message", "unknown_method" ->
                new ProtocolException(message, hint, cause);
            case "engine_failed" -> new EngineException(message, hint, cause);
            default -> new EngineException(Fault.MODEL, message, hint, cause); // a bug triggered by this request
        };
    }

    /** Returns the exception for a worker that the system can't restrict although the configuration requires it. */
    static ConfigurationException notHeld(ProviderKind kind, WorkerStatus.@Nullable Sandbox told) {
        List<String> missing = told == null || told.missing().isEmpty()
                ? List.of("It did not report any restrictions.")
                : told.missing();
        return new ConfigurationException(
                "MLX4J_SANDBOX=require, but the %s worker can't be restricted on this system. %s"
                        .formatted(kind.id(), String.join(" ", missing)),
                "Provide what is missing, or set MLX4J_SANDBOX=auto, which restricts workers as far as the system allows.");
    }

    /** Returns the exception for a process that exited while it was busy. */
    static WorkerDiedException died(ProviderKind kind, int exitCode, String standardError) {
        String last = standardError.isEmpty() ? "" : " Its last output on standard error:\n" + standardError + "\n";
        return new WorkerDiedException(
                "The %s worker died (%s).%s".formatted(kind.id(), cause(exitCode), last),
                fix(exitCode),
                exitCode,
                standardError);
    }

    /** Returns the exception for a process that was ended because it made no progress. */
    static WorkerHungException hung(ProviderKind kind, String how, String standardError) {
        return new WorkerHungException(
                "The %s worker hung: %s. It was stopped; its last stack traces:%n%s%n"
                        .formatted(kind.id(), how, standardError),
                "Try again; the worker is restarted. If the model is just slow on this machine, raise MLX4J_HANG_SECONDS.");
    }

    /** Returns the exception for a request that arrived at the moment an idle worker was stopped. */
    static WorkerDiedException stopped(ProviderKind kind) {
        return new WorkerDiedException(
                "The %s worker was stopped because it was idle.".formatted(kind.id()), "Try again.", 0, "");
    }

    private static String cause(int exitCode) {
        return switch (exitCode) {
            case SIGNAL_BASE + 9 -> "exit code 137: killed, often by the system because it ran out of memory";
            case SIGNAL_BASE + 6 -> "exit code 134: aborted by native code, on a Mac often because GPU memory ran out";
            case SIGNAL_BASE + 11, SIGNAL_BASE + 10 -> "exit code " + exitCode + ": crashed in native code";
            case 70 -> "exit code 70: its engine failed";
            case 71 -> "exit code 71: one of its ranks was lost";
            case 74 -> "exit code 74: its pipe to this program broke";
            default -> "exit code " + exitCode;
        };
    }

    private static String fix(int exitCode) {
        return switch (exitCode) {
            case SIGNAL_BASE + 9, SIGNAL_BASE + 6 ->
                "Use a smaller or quantized model, or close other programs; then try again.";
            default -> "Try again; if it happens again, `mlx4j doctor` shows whether the environment is complete.";
        };
    }
}
