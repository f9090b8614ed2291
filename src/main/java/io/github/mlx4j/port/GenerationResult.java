package io.github.mlx4j.port;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A finished answer.
 *
 * @param text the whole text, without end token and stop string
 * @param tokens the ids of the tokens generated, without the end token
 * @param finishReason why it ended
 * @param matchedStop the stop string that ended it, or {@code null}; read it with {@link #stopString()}
 * @param usage tokens taken
 * @param timings where the time went
 * @param backend who gave it
 */
public record GenerationResult(
        String text,
        List<Integer> tokens,
        FinishReason finishReason,
        @Nullable String matchedStop,
        Usage usage,
        Timings timings,
        Backend backend) {

    /** Takes immutable copies. */
    public GenerationResult {
        tokens = List.copyOf(tokens);
    }

    /** The stop string that ended the answer, if one did. */
    public Optional<String> stopString() {
        return Optional.ofNullable(matchedStop);
    }
}
