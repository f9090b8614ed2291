package io.github.mlx4j.cli.output;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.cli.Main;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class OptionNamesTest {

    private static final CommandLine MAIN =
            Main.commandLine(new PrintWriter(new StringWriter()), new PrintWriter(new StringWriter()));

    @ParameterizedTest
    @CsvSource({
        "train, a shorter maxLength or gradientCheckpointing, a shorter --max-length or --gradient-checkpointing",
        "train, 'Set trainData, or validData.', 'Set --data, or --valid.'",
        "evaluate, Set validData., Set --data.",
        "evaluate, options.adapter is empty., --adapter is empty.",
        "generate, options.adapter is empty., MLX_ADAPTER_PATH is empty.",
        "generate, Send a smaller maxTokens., Send a smaller --max-tokens.",
        "generate, kvBits is for draftModel., MLX_KV_BITS is for MLX_DRAFT_MODEL.",
        "generate, 'Set options.allowPickles, which', 'Set MLX4J_ALLOW_PICKLES=true, which'",
        "inspect, 'Set options.allowPickles, which', 'Set --allow-pickles, which'",
        "fuse, Name it in options.base., Name it in --base.",
        "compare, Name it in options.base., Name it in --trained-base.",
        "convert, Choose a smaller groupSize., Choose a smaller --group-size."
    })
    void shouldNameWhatTheUserCanSet(String command, String message, String expected) {
        assertThat(names(command).in(message)).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({
        "The adapter in /models/maxLength/x does not fit the model.",
        "'There is no ''maxLength'' in maxLength.json.'",
        "promptTokens is 3.",
        "options.unknown is empty."
    })
    void shouldLeaveEverythingElse(String message) {
        assertThat(names("train").in(message)).isEqualTo(message);
    }

    @ParameterizedTest
    @CsvSource({
        "train, 'rank is 0. What to do: It must be from 1 to 1024.', '--rank is 0. What to do: It must be from 1 to 1024.'",
        "train, Set totalSteps or epochs., Set --steps or --epochs.",
        "train, 'validateEvery and patience have no effect without validData.', '--validate-every and --patience have no effect without --valid.'",
        "train, 'Leave it out, or set schedule.', 'Leave it out, or set --schedule.'",
        "train, 'Set method to lora, dora or full.', 'Set method to lora, dora or full.'",
        "convert, 'bits is 7, but the mode affine supports only 8.', '--bits is 7, but the mode affine supports only 8.'"
    })
    void shouldNameOptionsOfOneWordInUsageErrors(String command, String message, String expected) {
        assertThat(names(command).inUsage(message)).isEqualTo(expected);
    }

    private static OptionNames names(String command) {
        return new OptionNames(MAIN.getSubcommands().get(command).getCommandSpec());
    }
}
