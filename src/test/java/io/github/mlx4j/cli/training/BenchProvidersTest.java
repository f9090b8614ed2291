package io.github.mlx4j.cli.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class BenchProvidersTest {

    @CommandLine.Command
    private static final class Options {
        @CommandLine.Mixin
        private final BenchProviders providers = new BenchProviders();
    }

    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "-",
            value = {
                "-                                       | mlx null, hf null",
                "--model m                               | mlx m, hf m",
                "--provider hf,mlx --model m             | mlx m, hf m",
                "--model m --ollama-model o              | mlx m, hf m, ollama o",
                "--provider ollama --model o             | ollama o",
                "--provider ALL,openai --model m         | mlx m, hf m, openai null",
                "--provider anthropic --model a          | anthropic a",
                "--model mlx-community/Phi-3-mini-4k-instruct-4bit | mlx mlx-community/Phi-3-mini-4k-instruct-4bit,"
                        + " hf microsoft/Phi-3-mini-4k-instruct",
                "--model mlx-community/unknown-4bit      | mlx mlx-community/unknown-4bit, hf mlx-community/unknown-4bit"
            })
    void shouldMeasureTheseWithTheseModels(@Nullable String arguments, String wanted) {
        assertThat(described(choose(arguments, Map.of()))).isEqualTo(wanted);
    }

    @Test
    void shouldTakeHfsModelFromTheEnvironmentWhenNothingStandsForAQuantizedFolder() throws IOException {
        Files.writeString(folder.resolve("config.json"), "{\"quantization\": {\"bits\": 4}}");

        assertThat(described(choose("--provider hf --model " + folder, Map.of("HF_MODEL", "org/whole"))))
                .isEqualTo("hf org/whole");
        assertThat(described(choose("--provider hf --model " + folder, Map.of())))
                .isEqualTo("hf " + folder);
    }

    @Test
    void shouldLeaveOllamaOutWhenItsModelIsNotNamed() {
        assertThat(choose("--model m", Map.of()).leftOut())
                .containsOnlyKeys("ollama")
                .extractingByKey("ollama")
                .asString()
                .contains("--ollama-model");
        assertThat(described(choose("--model m", Map.of("OLLAMA_MODEL", "o")))).isEqualTo("mlx m, hf m, ollama o");
    }

    @Test
    void shouldHaveNothingCachedAndNobodyStandIn() {
        ProviderConfig config = choose("--model m", Map.of("TASK_ORCHESTRATOR_FALLBACK", "ollama"))
                .subjects()
                .get(0)
                .config();

        assertThat(config.provider()).hasValue(ProviderKind.MLX);
        assertThat(config.fallback()).hasValue(List.of());
        assertThat(config.workers().prefixCacheBytes()).isZero();
    }

    @Test
    void shouldRefuseAProviderThatIsUnknown() {
        assertThatExceptionOfType(CommandLine.ParameterException.class)
                .isThrownBy(() -> choose("--provider mlx,candle", Map.of()))
                .withMessage("--provider candle is unknown; valid values are all, mlx, hf, ollama, openai, anthropic");
    }

    private static BenchProviders.Chosen choose(@Nullable String arguments, Map<String, String> environment) {
        Options options = new Options();
        CommandLine command = new CommandLine(options);
        command.parseArgs(arguments == null ? new String[0] : arguments.split(" +"));
        return options.providers.choose(command, ProviderConfig.fromEnv(environment));
    }

    private static String described(BenchProviders.Chosen chosen) {
        return chosen.subjects().stream()
                .map(subject -> subject.name() + " " + subject.config().models().get(subject.kind()))
                .collect(Collectors.joining(", "));
    }
}
