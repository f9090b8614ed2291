package io.github.mlx4j.training.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.training.TrainingRun;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TrainingConfigTest {

    @Test
    void shouldComeBackFromJsonAsItWas() {
        TrainingConfig config = TrainingConfig.builder(TrainingMethod.DORA)
                .rank(4)
                .alpha(9.5)
                .dropout(0.1)
                .layers(3)
                .targets(List.of("q_proj", "self_attn.v_proj"))
                .adapter(Path.of("/an/adapter: with a colon"))
                .optimizer(Optimizer.ADAFACTOR)
                .learningRate(3e-4)
                .weightDecay(0.2)
                .schedule(Schedule.COSINE)
                .endLearningRate(1e-6)
                .warmupSteps(5)
                .epochs(2)
                .maxGradientNorm(1.0)
                .batchSize(8)
                .accumulation(2)
                .gradientCheckpointing(true)
                .dtype(Dtype.BFLOAT16)
                .maxLength(512)
                .maskPrompt(true)
                .seed(7)
                .trainData(Path.of("/data/train.jsonl"))
                .validData(Path.of("/data/valid.jsonl"))
                .build();

        assertThat(TrainingConfig.fromJson(config.toJson())).isEqualTo(config);
        assertThat(config.toBuilder().build()).isEqualTo(config);
        assertThat(config.toJson()).contains("\"dtype\" : \"bfloat16\"", "\"adapter\" : \"/an/adapter: with a colon\"");
    }

    @Test
    void shouldHaveItsDefaultsWhereNothingIsSaid() {
        TrainingConfig config = TrainingConfig.fromJson("{}");

        assertThat(config).isEqualTo(TrainingConfig.builder(TrainingMethod.LORA).build());
        assertThat(config.rank()).isEqualTo(8);
        assertThat(TrainingConfig.builder(TrainingMethod.FULL).build().rank()).isNull();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'rnak': 3} | has an unknown field 'rnak'",
                "{'method': 'lora2'} | lora2",
                "{'dtype': 'float8'} | dtype: 'float8' is not one of bfloat16, float16, float32",
                "{'batchSize': 'many'} | batchSize",
                "{'rank': 0} | rank is 0. What to do: It must be from 1 to 1024.",
                "{'rank': 1025} | rank is 1025",
                "{'alpha': 0} | alpha is 0.0",
                "{'dropout': 1} | dropout is 1.0",
                "{'layers': 0} | layers is 0",
                "{'targets': []} | targets is []",
                "{'learningRate': 0} | learningRate is 0.0",
                "{'learningRate': 'NaN'} | learningRate is NaN",
                "{'weightDecay': -1} | weightDecay is -1.0",
                "{'warmupSteps': -1} | warmupSteps is -1",
                "{'totalSteps': 0} | totalSteps is 0",
                "{'epochs': 0} | epochs is 0",
                "{'epochs': 1, 'totalSteps': 1} | totalSteps and epochs are both set",
                "{'schedule': 'linear'} | linear requires the length",
                "{'endLearningRate': 1e-5} | endLearningRate has no effect with the constant schedule",
                "{'schedule': 'linear', 'epochs': 1, 'endLearningRate': 1} | endLearningRate is 1.0",
                "{'maxGradientNorm': 0} | maxGradientNorm is 0.0",
                "{'batchSize': 4097} | batchSize is 4097",
                "{'accumulation': 0} | accumulation is 0",
                "{'maxLength': 1} | maxLength is 1",
                "{'seed': -1} | seed is -1",
                "{'method': 'full', 'rank': 8} | rank has no effect with the method full",
                "{'method': 'full', 'adapter': 'a'} | adapter has no effect with the method full",
                "{'method': 'none', 'targets': ['a']} | targets has no effect with the method none",
                "[] | can't be read",
                "{ | is not valid JSON"
            })
    void shouldNameWhatCanNotBe(String json, String message) {
        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> TrainingConfig.fromJson(json.replace('\'', '"')))
                .withMessageContaining(message);
    }

    @Test
    void shouldNameWhatARunCanNotBe() {
        Path folder = Path.of("/runs/one");
        TrainingConfig.Builder config = TrainingConfig.builder(TrainingMethod.LORA)
                .trainData(Path.of("/data/train.jsonl"))
                .totalSteps(5);
        TrainingRun.Builder run = TrainingRun.builder("org/model", config.build(), folder);

        refused(run.patience(1), "patience have no effect without validData");
        refused(run.patience(0).minDelta(0.1), "minDelta has no effect without patience");
        refused(run.minDelta(0).keepCheckpoints(0), "keepCheckpoints is 0");
        refused(run.keepCheckpoints(1).checkpointEvery(-1), "checkpointEvery is -1");
        TrainingConfig validated =
                config.validData(Path.of("/data/valid.jsonl")).build();
        refused(run.checkpointEvery(0).training(validated).patience(2), "patience has no effect without validateEvery");
        refused(run.training(config.totalSteps(null).build()).patience(0), "Set totalSteps or epochs");
        refused(run.training(config.trainData(null).totalSteps(5).build()), "trainData is not set");
        refused(run.training(TrainingConfig.builder(TrainingMethod.NONE).build()), "The method none trains nothing");
        refused(
                TrainingRun.builder("/tmp", validated, Path.of("/tmp/run")),
                "The run's folder /tmp/run is inside the model folder");
    }

    private static void refused(TrainingRun.Builder run, String message) {
        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(run::build)
                .withMessageContaining(message);
    }
}
