package io.github.mlx4j.cli.training;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.adapter.Verdict;
import io.github.mlx4j.cli.generate.WorkerKind;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.UnsafeModelException;
import io.github.mlx4j.internal.files.FileTree;
import io.github.mlx4j.internal.files.UserPath;
import io.github.mlx4j.model.BaseModel;
import io.github.mlx4j.model.ModelInspection;
import io.github.mlx4j.model.ModelInspector;
import io.github.mlx4j.model.registry.HubCache;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The trained model of a comparison, inspected before anything runs.
 *
 * @param name a folder or a hub id
 * @param files the inspected folder; {@code null} for a hub id that is not in the Hugging Face cache
 * @param allowPickles whether pickled experts and routers may be read
 */
record TrainedModel(String name, @Nullable ModelInspection files, boolean allowPickles) {

    private static final String ORIGIN = "_name_or_path";
    private static final int MAX_CONFIG_BYTES = 16 << 20;

    /** Asks a worker whether it would load a model. */
    @FunctionalInterface
    interface Judge {
        Verdict judge(WorkerKind engine, ModelInspection model, LoadConfig options);
    }

    /** A base model, and the field that names it. */
    record Base(String name, String foundIn) {}

    /** Inspects the folder, or the copy in the Hugging Face cache. */
    static TrainedModel of(String name, Map<String, String> environment) {
        boolean allowPickles =
                ProviderConfig.fromEnv(environment).workers().model().allowPickles();
        Path folder = UserPath.of(name);
        Path found = Files.isDirectory(folder)
                ? folder
                : HubCache.of(environment).main(name).orElse(null);
        return new TrainedModel(name, found == null ? null : ModelInspector.inspect(found, allowPickles), allowPickles);
    }

    /** Returns whether this is an adapter folder, to be applied to the base model. */
    boolean isAdapter() {
        return Files.isRegularFile(UserPath.of(name, "adapter_config.json"));
    }

    /**
     * Returns the base model that the files name.
     *
     * @throws InvalidRequestException if they don't name one, or the model is not on this machine
     */
    Base base() {
        if (files == null) {
            throw new InvalidRequestException(
                    "The base model is unknown because %s is not on this machine.".formatted(name),
                    "Specify the base model with --base.");
        }
        BaseModel named = files.base();
        if (named != null) {
            ModelInspection folder = named.inspection();
            return new Base(
                    folder == null
                            ? named.name()
                            : FileTree.real(folder.folder()).toString(),
                    named.foundIn());
        }
        String origin = config(files.folder()).path(ORIGIN).asText();
        if (!origin.isBlank() && !FileTree.isSame(UserPath.of(origin), files.folder())) {
            return new Base(origin, "config.json: " + ORIGIN);
        }
        throw new InvalidRequestException(
                ("%s names no base model. Checked: base_model_name_or_path and %s in config.json,"
                                + " base_model_name_or_path and model in adapter_config.json, and adapter_config.json"
                                + " of the experts.")
                        .formatted(name, ORIGIN),
                "Specify the base model with --base.");
    }

    /**
     * Returns the engine that runs both models: {@code asked}, or the first of mlx and hf whose loader accepts this
     * model.
     *
     * @param options how the model is loaded
     * @param note receives the reason for choosing hf, and why a loader gave no verdict
     * @throws Mlx4jException if the engine's loader rejects the model
     */
    WorkerKind engine(@Nullable WorkerKind asked, Judge judge, LoadConfig options, Consumer<String> note) {
        if (files == null) {
            return asked == null ? WorkerKind.MLX : asked;
        }
        LoadConfig given = options.toBuilder().allowPickles(allowPickles).build();
        Verdict first = judge.judge(asked == null ? WorkerKind.MLX : asked, files, given);
        Verdict verdict = first;
        if (asked == null && !first.loads()) {
            Verdict hf = judge.judge(WorkerKind.HF, files, given);
            verdict = isBetter(hf, first, options) ? hf : first;
        }
        switch (verdict.outcome()) {
            case LOADS -> {}
            case REFUSED -> throw refusal(verdict);
            case NOT_JUDGED ->
                note.accept(
                        "%s can't be checked before the run: %s %s".formatted(name, verdict.reason(), verdict.fix()));
        }
        if (verdict != first) {
            note.accept("both models run on hf because mlx does not load %s: %s".formatted(name, first.reason()));
        }
        return verdict.provider() == WorkerKind.HF.kind() ? WorkerKind.HF : WorkerKind.MLX;
    }

    /** Returns whether hf's verdict is used when mlx can't load the model; hf never loads a model with a router. */
    private boolean isBetter(Verdict hf, Verdict mlx, LoadConfig options) {
        boolean routed = files != null && files.format().isDylora() && options.expert() == null;
        boolean onlyHfMay = mlx.outcome() == Verdict.Outcome.REFUSED && hf.outcome() == Verdict.Outcome.NOT_JUDGED;
        return hf.loads() || routed || onlyHfMay;
    }

    private Mlx4jException refusal(Verdict verdict) {
        String message = "%s does not load %s: %s".formatted(verdict.provider().id(), name, verdict.reason());
        String hint = verdict.fix();
        return switch (verdict.code()) {
            case "UNSAFE_MODEL" -> new UnsafeModelException(message, hint);
            case "NOT_SUPPORTED" -> new NotSupportedException(message, hint);
            case "INVALID_REQUEST" -> new InvalidRequestException(message, hint);
            default -> new ModelLoadException(message, hint);
        };
    }

    private static JsonNode config(Path folder) {
        try {
            return new JsonMapper().readTree(FileTree.read(folder.resolve("config.json"), MAX_CONFIG_BYTES));
        } catch (IOException none) {
            return new JsonMapper().createObjectNode();
        }
    }
}
