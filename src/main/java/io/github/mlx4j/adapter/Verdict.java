package io.github.mlx4j.adapter;

import io.github.mlx4j.port.EmbeddingDetails;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Whether a worker can load a folder, as determined by a dry load: the worker's loader runs to completion, but without
 * reading weights.
 *
 * @param provider the worker
 * @param outcome whether it can load the folder
 * @param code the error code of a refusal, such as {@code MODEL_LOAD_FAILED}; otherwise empty
 * @param reason why the worker can or can't load the folder
 * @param fix what to do if the worker can't load the folder or was not asked; otherwise empty
 * @param embeddings how the worker would compute embeddings; empty if it can't, or if it can't load the folder
 * @param reranks whether the worker would be able to rerank documents
 * @param warnings warnings that the worker would issue while loading
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

    /** The result of a dry load. */
    public enum Outcome {
        /** The worker can load the folder. */
        LOADS,
        /** The worker refuses the folder. */
        REFUSED,
        /** Unknown: the worker can't run here, a model has to be downloaded first, or the worker failed. */
        NOT_JUDGED;

        /** Returns the outcome's name in JSON. */
        public String id() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Copies the list of warnings. */
    public Verdict {
        warnings = List.copyOf(warnings);
    }

    /** Creates the verdict for a folder that the worker can load. */
    public static Verdict loads(
            ProviderKind provider,
            String reason,
            Optional<EmbeddingDetails> embeddings,
            boolean reranks,
            List<String> warnings) {
        return new Verdict(provider, Outcome.LOADS, "", reason, "", embeddings, reranks, warnings);
    }

    /** Creates the verdict for a folder that the worker refuses. */
    public static Verdict refused(ProviderKind provider, String code, String reason, String fix) {
        return new Verdict(provider, Outcome.REFUSED, code, reason, fix, Optional.empty(), false, List.of());
    }

    /** Creates a verdict for the case that there is no answer. */
    public static Verdict notJudged(ProviderKind provider, String reason, String fix) {
        return new Verdict(provider, Outcome.NOT_JUDGED, "", reason, fix, Optional.empty(), false, List.of());
    }

    /** Returns whether the worker can load the folder. */
    public boolean loads() {
        return outcome == Outcome.LOADS;
    }
}
