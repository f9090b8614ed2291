package io.github.mlx4j.training.config;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.config.HfDevice;
import io.github.mlx4j.config.WorkerPoolConfig;
import io.github.mlx4j.device.BackendFacts;
import io.github.mlx4j.device.DeviceManager;
import io.github.mlx4j.device.MemoryManager;
import io.github.mlx4j.error.WorkerOutOfMemoryException;
import io.github.mlx4j.model.Architecture;
import io.github.mlx4j.model.ModelInspection;
import io.github.mlx4j.model.ModelInspector;
import io.github.mlx4j.model.registry.HubCache;
import io.github.mlx4j.model.registry.MemoryEstimate;
import io.github.mlx4j.model.registry.TrainingKind;
import io.github.mlx4j.model.registry.TrainingNeed;
import io.github.mlx4j.provider.ProviderKind;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Compares the batch size of a training run with this machine's memory, before anything is loaded. The memory need is
 * an estimate from the model's files ({@link MemoryEstimate#training}), so it normally leads only to warnings and
 * suggestions; a run is rejected only if its weights, gradients and optimizer states alone exceed the free memory.
 *
 * <p>There is no result if the need or the memory is unknown. This is the case if the model is not on this machine yet,
 * its config lacks the sizes, the training is distributed over ranks, or it runs on CUDA, whose memory can't be read
 * from Java. Thread-safe.
 */
public final class BatchSizing {

    private final @Nullable ModelInspection model;
    private final MemoryManager memory;
    private final MemoryManager withoutReserve;

    BatchSizing(@Nullable ModelInspection model, MemoryManager memory, MemoryManager withoutReserve) {
        this.model = model;
        this.memory = memory;
        this.withoutReserve = withoutReserve;
    }

    /**
     * Creates an instance for a model on a backend, with the memory reserve of {@link WorkerPoolConfig} and the
     * workers' memory limit, if one is set.
     *
     * @param model a folder, or a hub id
     * @param backend {@code MLX}, {@code HF}, or {@code null} for mlx if it can run here and otherwise hf
     */
    public static BatchSizing of(ProviderConfig providers, String model, @Nullable ProviderKind backend) {
        ProviderKind kind = backend;
        if (kind == null) {
            boolean mlx = providers.probe(ProviderKind.MLX).check().isReady();
            kind = mlx ? ProviderKind.MLX : ProviderKind.HF;
        }
        DeviceManager device = new DeviceManager();
        Long limit = providers.workers().model().memoryLimitBytes();
        ModelInspection inspection = isMemoryKnown(providers, kind, device) ? inspect(model) : null;
        return new BatchSizing(
                inspection, memory(device, limit, providers.pool().reservedBytes()), memory(device, limit, 0));
    }

    /** Limits memory to the worker's limit or to what is available less the reserve, whichever is smaller. */
    private static MemoryManager memory(DeviceManager device, @Nullable Long limit, long reservedBytes) {
        MemoryManager memory = new MemoryManager(device, reservedBytes);
        return limit == null ? memory : memory.withLimit(limit, "MLX4J_MEMORY_LIMIT_MB");
    }

    private static boolean isMemoryKnown(ProviderConfig providers, ProviderKind kind, DeviceManager device) {
        if (kind == ProviderKind.MLX) {
            return !providers.workers().mlx().isSpread();
        }
        HfDevice set = providers.workers().model().device();
        BackendFacts facts = BackendFacts.ready(kind);
        facts = set == HfDevice.AUTO ? facts : facts.on(set.id());
        return !"cuda".equals(device.selectBackend(List.of(facts), null).device());
    }

    private static @Nullable ModelInspection inspect(String model) {
        try {
            return HubCache.local(model).map(ModelInspector::inspect).orElse(null);
        } catch (RuntimeException unreadable) { // the worker reports what is wrong with it
            return null;
        }
    }

    /**
     * Returns the same training with a batch that fits. The number of accumulated batches is increased accordingly, so
     * that a step still sees as many sequences as before. The new batch size is a divisor of the old one and at least
     * 1.
     *
     * @return {@code config} itself if its batch fits, or if that is unknown
     */
    public TrainingConfig fit(TrainingConfig config) {
        int before = config.batchSize();
        int size = rows(config)
                .filter(fits -> fits.rows() < before)
                .map(fits -> divisor(before, fits.rows()))
                .orElse(before);
        return size == before
                ? config
                : config.toBuilder()
                        .batchSize(size)
                        .accumulation(config.accumulation() * (before / size))
                        .build();
    }

    /**
     * Checks whether a training fits into memory.
     *
     * @return a warning with the calculation if the batch may not fit; empty if it fits, or if that is unknown
     * @throws WorkerOutOfMemoryException if weights, gradients and optimizer states alone don't fit, regardless of the
     *     batch size
     */
    public Optional<String> check(TrainingConfig config) {
        Optional<MemoryManager.BatchSize> fits = rows(config);
        if (fits.isEmpty()) {
            return Optional.empty();
        }
        MemoryEstimate.Part certain = estimate(config, 1).parts().get(0);
        withoutReserve.check(certain.bytes(), certain.name() + ": " + certain.arithmetic());
        if (fits.get().rows() >= config.batchSize()) {
            return Optional.empty();
        }
        String instead = fits.get().rows() == 0 ? lessPerSequence(config) : smallerBatch(fit(config));
        return Optional.of(
                "A batch size of %d may not fit into memory, according to an estimate for sequences of %,d tokens: %s. %s"
                        .formatted(
                                config.batchSize(), sequence(config), fits.get().explanation(), instead));
    }

    private static String smallerBatch(TrainingConfig smaller) {
        return "A batch size of %d with an accumulation of %d gives the same training steps with less memory."
                .formatted(smaller.batchSize(), smaller.accumulation());
    }

    private static String lessPerSequence(TrainingConfig config) {
        return "Even a batch size of 1, the minimum, does not fit; a shorter maxLength%s takes less memory."
                .formatted(config.gradientCheckpointing() ? "" : " or gradientCheckpointing");
    }

    /** Explains in readable form how many sequences fit; empty if that is unknown. */
    public String arithmetic(TrainingConfig config) {
        return rows(config).map(MemoryManager.BatchSize::explanation).orElse("");
    }

    /** Returns how many rows fit, with the calculation; empty if that is unknown. */
    private Optional<MemoryManager.BatchSize> rows(TrainingConfig config) {
        if (model == null || config.method() == TrainingMethod.NONE || config.trainData() == null) {
            return Optional.empty();
        }
        MemoryEstimate one = estimate(config, 1);
        long row = one.parts().get(one.parts().size() - 1).bytes();
        return one.complete() && row > 0 ? memory.suggestBatchSize(one.bytes() - row, row) : Optional.empty();
    }

    private MemoryEstimate estimate(TrainingConfig config, int batch) {
        ModelInspection found = Objects.requireNonNull(model);
        Dtype dtype = config.dtype();
        boolean adam = config.optimizer() == Optimizer.ADAM || config.optimizer() == Optimizer.ADAMW;
        return MemoryEstimate.training(
                found,
                new TrainingNeed(
                        kind(config.method()),
                        adapterParameters(found, config),
                        adam ? 2 : 0,
                        dtype == null ? null : dtype == Dtype.FLOAT32 ? 4 : 2,
                        batch,
                        sequence(config),
                        config.gradientCheckpointing()));
    }

    private static TrainingKind kind(TrainingMethod method) {
        return switch (method) {
            case FULL -> TrainingKind.FULL;
            case DORA -> TrainingKind.DORA;
            case LORA, NONE -> TrainingKind.LORA;
        };
    }

    /**
     * Estimates the number of parameters of an adapter: rank × (inputs + outputs) for each linear layer, assuming an
     * MLP of three matrices that is four times as wide as the model.
     */
    private static long adapterParameters(ModelInspection model, TrainingConfig config) {
        Architecture sizes = model.whole().map(ModelInspection::architecture).orElse(null);
        Integer rank = config.rank();
        if (sizes == null || rank == null) {
            return 0;
        }
        long hidden = sizes.hiddenSize();
        long queries = (long) sizes.heads() * sizes.headSize();
        long keys = (long) sizes.keyValueHeads() * sizes.headSize();
        long attention = 2 * (hidden + queries) + 2 * (hidden + keys);
        long mlp = 3 * (hidden + 4 * hidden);
        int layers = config.layers() == null ? sizes.layers() : Math.min(config.layers(), sizes.layers());
        return rank * layers * (attention + mlp);
    }

    /**
     * Returns the maximum length of a row in tokens: the configured maximum or the length of the longest line in bytes,
     * whichever is smaller.
     */
    private int sequence(TrainingConfig config) {
        Integer context = model == null
                ? null
                : model.whole().map(ModelInspection::contextLength).orElse(null);
        int most = context == null ? config.maxLength() : Math.min(context, config.maxLength());
        Path data = config.trainData();
        return data == null ? most : Math.max(1, longestLine(data, most));
    }

    /** Returns the length of the longest line in bytes, or {@code most} as soon as a line is that long. */
    private static int longestLine(Path file, int most) {
        int longest = 0;
        int length = 0;
        try (InputStream bytes = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
            for (int next = bytes.read(); next >= 0; next = bytes.read()) {
                length = next == '\n' ? 0 : length + 1;
                longest = Math.max(longest, length);
                if (longest >= most) {
                    return most;
                }
            }
            return longest;
        } catch (IOException unreadable) { // the worker reports what is wrong with it
            return most;
        }
    }

    private static int divisor(int batchSize, int most) {
        int size = Math.max(1, Math.min(batchSize, most));
        while (batchSize % size != 0) {
            size--;
        }
        return size;
    }
}
