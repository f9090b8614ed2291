package io.github.mlx4j.cli.output;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.cli.Main;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.ProviderUnavailableException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

class ExitCodeTest {

    private static final List<String> TABLE = Arrays.stream(ExitCode.class.getDeclaredFields())
            .filter(field -> field.getType() == int.class)
            .map(ExitCodeTest::value)
            .sorted()
            .toList();

    static Stream<CommandLine> commands() {
        List<CommandLine> all = new ArrayList<>();
        collect(Main.commandLine(new PrintWriter(new StringWriter()), new PrintWriter(new StringWriter())), all);
        return all.stream();
    }

    @ParameterizedTest
    @MethodSource("commands")
    void shouldListOnlyCodesOfTheTableInOrderWhenACommandSaysWhatItsCodesMean(CommandLine command) {
        Set<String> listed =
                command.getCommandSpec().usageMessage().exitCodeList().keySet();

        assertThat(listed)
                .containsExactlyElementsOf(
                        TABLE.stream().filter(listed::contains).toList());
    }

    @Test
    void shouldListTheWholeTableWhenTheProgramIsAsked() {
        CommandLine program = commands().findFirst().orElseThrow();

        assertThat(program.getCommandSpec().usageMessage().exitCodeList().keySet())
                .containsExactlyElementsOf(TABLE);
    }

    @ParameterizedTest
    @MethodSource("commands")
    void shouldEndWithTheCodesOfTheTableWhenHelpIsShownOrAnOptionIsUnknown(CommandLine command) {
        assertThat(command.execute("--help")).isEqualTo(ExitCode.DONE);
        assertThat(command.execute("--no-such-option")).isEqualTo(ExitCode.WRONG_USAGE);
    }

    @Test
    void shouldTellNothingAvailableFromAnyOtherFailureWhenACommandFails() {
        assertThat(ExitCode.of(new ProviderUnavailableException("NO_PROVIDER_AVAILABLE", "m", "h")))
                .isEqualTo(ExitCode.NOTHING_AVAILABLE);
        assertThat(ExitCode.of(new ProviderUnavailableException("MLX_NOT_AVAILABLE", "m", "h")))
                .isEqualTo(ExitCode.FAILED);
        assertThat(ExitCode.of(new ModelLoadException("m", "h"))).isEqualTo(ExitCode.FAILED);
    }

    private static void collect(CommandLine command, List<CommandLine> all) {
        all.add(command);
        command.getSubcommands().values().forEach(one -> collect(one, all));
    }

    private static String value(Field code) {
        try {
            return String.valueOf(code.getInt(null));
        } catch (IllegalAccessException impossible) {
            throw new AssertionError(impossible);
        }
    }
}
