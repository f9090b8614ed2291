package io.github.mlx4j.training.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.config.HfDevice;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.config.MlxConfig;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.config.WorkerPoolConfig;
import io.github.mlx4j.device.MemoryManager;
import io.github.mlx4j.error.WorkerOutOfMemoryException;
import io.github.mlx4j.model.ModelInspection;
import io.github.mlx4j.model.ModelInspector;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Uses the small model: 4 layers of size 192 with 6 heads (3 for keys) of size 32, 1024 tokens, 1,820,352 parameters in
 * float32.
 */
class BatchSizingTest {

    private static final Path TINY = Path.of("src", "test", "resources", "models", "tiny-chat");
    private static final ModelInspection MODEL = ModelInspector.inspect(TINY);
    private static final long WEIGHTS = 7_281_408;

    /** Rank 8 on 4 layers: queries and outputs, keys and values, and an MLP of 768; 16 bytes each. */
    private static final long ADAPTER = 8L * 4 * (2 * (192 + 192) + 2 * (192 + 96) + 3 * (192 + 768)) * 16;

    /** 64 tokens: 4 layers in float32, and logits. */
    private static final long ROW = 4L * 64 * 2 * (34 * 192 + 5 * 6 * 64) + 64 * 1024 * 8;

    @TempDir
    private Path folder;

    private TrainingConfig lora;

    @BeforeEach
    void makeData() throws IOException {
        lora = config(TrainingMethod.LORA, "x".repeat(100)).build();
    }

    @ParameterizedTest
    @CsvSource({"9, 4, 1", "4, 4, 1", "3, 2, 2", "2, 2, 2", "1, 1, 4", "0, 1, 4"})
    void shouldKeepTheStepWhenTheDefaultBatchDoesNotFit(long rows, int batchSize, int accumulation) {
        TrainingConfig fitting = with(WEIGHTS + ADAPTER + rows * ROW).fit(lora);

        assertThat(fitting)
                .isEqualTo(lora.toBuilder()
                        .batchSize(batchSize)
                        .accumulation(accumulation)
                        .build());
        assertThat(with(WEIGHTS + ADAPTER + rows * ROW + ROW - 1).fit(lora)).isEqualTo(fitting);
    }

    @Test
    void shouldWarnWithTheArithmeticWhenTheBatchMayNotFit() {
        assertThat(with(WEIGHTS + ADAPTER + 5 * ROW)
                        .check(lora.toBuilder().batchSize(6).accumulation(2).build()))
                .contains(
                        "A batch size of 6 may not fit into memory, according to an estimate for sequences of 64 tokens:"
                                + " (33.7 MB free − 9.4 MB fixed) / 4.8 MB a row → 5."
                                + " A batch size of 3 with an accumulation of 4 gives the same training steps with less memory.");
        assertThat(with(WEIGHTS + ADAPTER + 4 * ROW).check(lora)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 8})
    void shouldRecommendShorterSequencesWhenNotEvenOneFits(int batchSize) {
        TrainingConfig config = lora.toBuilder().batchSize(batchSize).build();
        BatchSizing small = with(WEIGHTS);

        assertThat(small.check(config).orElseThrow())
                .endsWith("→ 0. Even a batch size of 1, the minimum, does not fit; a shorter maxLength or"
                        + " gradientCheckpointing takes less memory.");
        TrainingConfig checkpointed =
                config.toBuilder().gradientCheckpointing(true).build();
        assertThat(small.check(checkpointed).orElseThrow()).endsWith("fit; a shorter maxLength takes less memory.");
        assertThat(small.fit(config).batchSize()).isEqualTo(1);
    }

    @Test
    void shouldRefuseOnlyWhatCanNotFitWhateverTheBatch() throws IOException {
        assertThatCode(() -> with(WEIGHTS).check(lora)).doesNotThrowAnyException();
        assertThatExceptionOfType(WorkerOutOfMemoryException.class)
                .isThrownBy(() -> with(WEIGHTS - 1).check(lora))
                .withMessageContaining("This needs 7.3 MB (weights: the bytes of 38 tensors), but only 7.3 MB");

        TrainingConfig full = config(TrainingMethod.FULL, "x".repeat(100)).build();
        assertThatCode(() -> with(4 * WEIGHTS).check(full)).doesNotThrowAnyException();
        assertThatExceptionOfType(WorkerOutOfMemoryException.class)
                .isThrownBy(() -> with(4 * WEIGHTS - 1).check(full))
                .withMessageContaining("parameters: 1,820,352 × 16 bytes: 4 itself, 4 gradient, 8 optimizer");
        assertThatCode(() -> with(4 * WEIGHTS - 1)
                        .check(full.toBuilder().optimizer(Optimizer.SGD).build()))
                .as("it keeps no moments")
                .doesNotThrowAnyException();
    }

    @Test
    void shouldCountTheReserveForSuggestionsOnly() {
        MemoryManager reserving = new MemoryManager(held -> OptionalLong.of(WEIGHTS), WEIGHTS);
        BatchSizing sizing = new BatchSizing(MODEL, reserving, memory(WEIGHTS));

        assertThat(sizing.check(lora).orElseThrow()).contains("(0 bytes free beside a reserve of 7.3 MB");
    }

    @Test
    void shouldCountNoMoreTokensThanTheDataHas() throws IOException {
        TrainingConfig brief = config(TrainingMethod.LORA, "{\"text\": 1}").build(); // 11 bytes
        long row = 4L * 11 * 2 * (34 * 192 + 5 * 6 * 11) + 11 * 1024 * 8;

        assertThat(with(WEIGHTS + ADAPTER + 4 * row).fit(brief).batchSize()).isEqualTo(4);
        assertThat(with(WEIGHTS + ADAPTER + 4 * row - 1).fit(brief).batchSize()).isEqualTo(2);
    }

    @Test
    void shouldSayNothingWhenItIsUnknown() {
        assertThat(new BatchSizing(null, memory(1), memory(1)).check(lora)).isEmpty();
        assertThat(new BatchSizing(null, memory(1), memory(1)).fit(lora)).isSameAs(lora);
        MemoryManager unknown = new MemoryManager(held -> OptionalLong.empty(), 0);
        assertThat(new BatchSizing(MODEL, unknown, unknown).check(lora)).isEmpty();
        assertThat(with(1).check(lora.toBuilder().trainData(null).build())).isEmpty();
        assertThat(with(1).check(TrainingConfig.builder(TrainingMethod.NONE)
                        .trainData(lora.trainData())
                        .build()))
                .isEmpty();
    }

    @Test
    void shouldKnowTheMemoryOfTheBackendThatTrains() {
        WorkerConfig limited = WorkerConfig.builder()
                .model(LoadConfig.builder()
                        .memoryLimitBytes(WEIGHTS + ADAPTER + 2 * ROW)
                        .build())
                .build();
        WorkerConfig cuda = limited.toBuilder()
                .model(limited.model().toBuilder().device(HfDevice.CUDA).build())
                .build();
        WorkerConfig spread =
                limited.toBuilder().mlx(MlxConfig.builder().ranks(2).build()).build();

        assertThat(fitted(limited, ProviderKind.MLX)).isEqualTo(2);
        assertThat(fitted(
                        limited.toBuilder()
                                .model(limited.model().toBuilder()
                                        .device(HfDevice.CPU)
                                        .build())
                                .build(),
                        ProviderKind.HF))
                .isEqualTo(2);
        assertThat(fitted(cuda, ProviderKind.HF)).as("unknown").isEqualTo(4);
        assertThat(fitted(spread, ProviderKind.MLX)).as("unknown").isEqualTo(4);
    }

    @Test
    void shouldNameTheMemoryLimitOfTheWorkers() {
        BatchSizing small = limited(WEIGHTS + ADAPTER + 2 * ROW);
        BatchSizing none = limited(WEIGHTS - 1);

        assertThat(small.arithmetic(lora))
                .isEqualTo("(19.1 MB allowed by MLX4J_MEMORY_LIMIT_MB − 9.4 MB fixed) / 4.8 MB a row → 2");
        assertThatExceptionOfType(WorkerOutOfMemoryException.class)
                .isThrownBy(() -> none.check(lora))
                .withMessageContaining("but MLX4J_MEMORY_LIMIT_MB allows only 7.3 MB")
                .withMessageContaining("Raise MLX4J_MEMORY_LIMIT_MB")
                .withMessageNotContaining("reserve");
    }

    private BatchSizing limited(long bytes) {
        return sizing(
                WorkerConfig.builder()
                        .model(LoadConfig.builder().memoryLimitBytes(bytes).build())
                        .build(),
                ProviderKind.MLX);
    }

    private int fitted(WorkerConfig workers, ProviderKind backend) {
        return sizing(workers, backend).fit(lora).batchSize();
    }

    private BatchSizing sizing(WorkerConfig workers, ProviderKind backend) {
        ProviderConfig config = ProviderConfig.builder()
                .workers(workers)
                .pool(WorkerPoolConfig.builder().reservedBytes(5 * ROW).build()) // of the machine, not of the limit
                .build();
        return BatchSizing.of(config, TINY.toString(), backend);
    }

    private TrainingConfig.Builder config(TrainingMethod method, String line) throws IOException {
        Path data = Files.writeString(folder.resolve("train.jsonl"), line + "\n" + line);
        return TrainingConfig.builder(method).maxLength(64).trainData(data);
    }

    private static BatchSizing with(long freeBytes) {
        return new BatchSizing(MODEL, memory(freeBytes), memory(freeBytes));
    }

    private static MemoryManager memory(long freeBytes) {
        return new MemoryManager(held -> OptionalLong.of(freeBytes), 0);
    }
}
