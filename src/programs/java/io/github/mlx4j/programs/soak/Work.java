package io.github.mlx4j.programs.soak;

import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A request and its expected outcome.
 *
 * @param request the request
 * @param text the complete answer
 * @param thinking the expected thinking
 * @param tokens the expected token IDs; {@code null} if they aren't checked
 * @param reason the expected finish reason
 * @param nature the kind of request
 * @param fault the fault that it causes in the worker, or {@code null}
 */
record Work(
        GenerationRequest request,
        String text,
        String thinking,
        @Nullable List<Integer> tokens,
        FinishReason reason,
        Nature nature,
        @Nullable Fault fault) {

    /** Creates a request without thinking. */
    Work(
            GenerationRequest request,
            String text,
            @Nullable List<Integer> tokens,
            FinishReason reason,
            Nature nature,
            @Nullable Fault fault) {
        this(request, text, "", tokens, reason, nature, fault);
    }

    enum Nature {
        /** It is answered. */
        GOOD,
        /** It runs until it is cancelled. */
        ENDLESS,
        /** It is rejected as invalid. */
        BAD,
        /** It is answered in any way, or fails with an error of the caller. */
        HOSTILE
    }

    /** Returns the same request with a deadline. */
    Work within(Duration deadline) {
        return new Work(request.toBuilder().deadline(deadline).build(), text, thinking, tokens, reason, nature, fault);
    }

    /** Returns what is wrong with this answer, or {@code null}. */
    @Nullable
    String complaint(GenerationResult result) {
        if (nature == Nature.HOSTILE) {
            return null;
        }
        if (nature != Nature.GOOD) {
            return "it has an answer, but is " + nature + ": " + result;
        }
        if (!result.text().equals(text)) {
            return "its text is <" + result.text() + "> instead of <" + text + ">";
        }
        if (!result.thinking().equals(thinking)) {
            return "its thinking is <" + result.thinking() + "> instead of <" + thinking + ">";
        }
        if (tokens != null && !result.tokens().equals(tokens)) {
            return "its tokens are " + result.tokens() + " instead of " + tokens;
        }
        return result.finishReason() == reason ? null : "it ended by " + result.finishReason() + ", not " + reason;
    }
}
