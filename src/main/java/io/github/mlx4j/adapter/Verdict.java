package io.github.mlx4j.adapter;

import io.github.mlx4j.port.EmbeddingDetails;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Whether a worker would load a folder, by a dry load: its loader runs to the end, but without the weights.
 *
 * @param provider the worker
 * @param outcome whether it would
 * @param code the error code of a refusal, such as {@code MODEL_LOAD_FAILED}; else empty
 * @param reason why, or why not
 * @param fix what to do if it would not, or was not asked; else empty
 * @param embeddings how it would make vectors; empty if it couldn't, or would not load the folder
 * @param reranks whether it would rerank documents
 * @param warnings what the worker would warn of as it loads
 */
public record Verdict(
        ProviderKind provider,
        Outcome outcome,
        String code,
        String reason,
        String fix,
        Optional<EmbeddingDetails> embeddings,
        boolean reranks,
        List<String> warnings) {

    /** How a dry load ended. */
    public enum Outcome {
        /** The worker would load it. */
        LOADS,
        /** The worker would refuse it. */
        REFUSED,
        /** There is no answer: the worker can't run here, a model has to be downloaded first, or the worker failed. */
        NOT_JUDGED;

        /** Its name in JSON. */
        public String id() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Takes an immutable copy. */
    public Verdict {
        warnings = List.copyOf(warnings);
    }

    /** The verdict on a folder that the worker would load. */
    public static Verdict loads(
            ProviderKind provider,
            String reason,
            Optional<EmbeddingDetails> embeddings,
            boolean reranks,
            List<String> warnings) {
        return new Verdict(provider, Outcome.LOADS, "", reason, "", embeddings, reranks, warnings);
    }

    /** The verdict on a folder that the worker would refuse. */
    public static Verdict refused(ProviderKind provider, String code, String reason, String fix) {
        return new Verdict(provider, Outcome.REFUSED, code, reason, fix, Optional.empty(), false, List.of());
    }

    /** No verdict. */
    public static Verdict notJudged(ProviderKind provider, String reason, String fix) {
        return new Verdict(provider, Outcome.NOT_JUDGED, "", reason, fix, Optional.empty(), false, List.of());
    }

    /** Whether the worker would load it. */
    public boolean loads() {
        return outcome == Outcome.LOADS;
    }
}
