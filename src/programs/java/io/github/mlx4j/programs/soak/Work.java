package io.github.mlx4j.programs.soak;

import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A request with what is right for it.
 *
 * @param request the request
 * @param text the whole answer
 * @param thinking its thinking
 * @param tokens its token ids; {@code null} if they aren't checked
 * @param reason why it ends
 * @param nature what kind of request it is
 * @param fault what it does to its worker, or {@code null}
 */
record Work(
        GenerationRequest request,
        String text,
        String thinking,
        @Nullable List<Integer> tokens,
        FinishReason reason,
        Nature nature,
        @Nullable Fault fault) {

    /** A request without thinking. */
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
        /** It has an answer. */
        GOOD,
        /** It goes on until it is cancelled. */
        ENDLESS,
        /** It is refused as invalid. */
        BAD,
        /** It has any answer, or fails by its caller's fault. */
        HOSTILE
    }

    /** The same, to be done within this time. */
    Work within(Duration deadline) {
        return new Work(request.toBuilder().deadline(deadline).build(), text, thinking, tokens, reason, nature, fault);
    }

    /** What is wrong with this answer, or {@code null}. */
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
