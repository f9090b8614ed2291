package io.github.mlx4j.cli.output;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.cli.Main;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TerminalTest {

    private static final String HOSTILE = "\u001b]0;title\u0007\u001b[2J\u009b31m\r\b\u007f";
    private static final String SHOWN = "\\u001b]0;title\\u0007\\u001b[2J\\u009b31m\\u000d\\u0008\\u007f";

    @TempDir
    private Path home;

    private final StringWriter raw = new StringWriter();
    private final PrintWriter out = Terminal.of(new PrintWriter(raw));

    @Test
    void shouldShowControlCharactersHoweverTheyAreWritten() {
        out.print(HOSTILE);
        out.printf("%s", HOSTILE);
        out.append(HOSTILE);
        HOSTILE.chars().forEach(one -> out.print((char) one));
        HOSTILE.chars().forEach(out::write);
        out.print(HOSTILE.toCharArray());
        out.flush();

        assertThat(raw).hasToString(SHOWN.repeat(6));
    }

    @Test
    void shouldKeepTextTabsAndLineEnds() {
        String text = "Grüße,\t😀\r\nعربي\n";
        out.print(text);
        out.flush();

        assertThat(raw).hasToString(text);
    }

    @Test
    void shouldDrawABarWithItsOwnControlCharactersOnly() {
        Terminal.redraw(out, "[###] " + HOSTILE);

        assertThat(raw).hasToString("\r[###] " + SHOWN + "\u001b[K");
    }

    @Test
    void shouldShowThoseOfAnErrorMessage() {
        String err =
                run("inspect", home.resolve("x" + HOSTILE.replace("\u0007", "")).toString());

        assertThat(err).contains("x\\u001b]0;title\\u001b[2J").doesNotContain("\u001b", "\u009b");
        assertThat(run("--" + HOSTILE)).contains(SHOWN).doesNotContain("\u001b", "\u009b");
    }

    @Test
    void shouldShowThoseOfAModelsConfig() throws IOException {
        Files.writeString(home.resolve("config.json"), "{\"model_type\": \"\\u001b[2Jllama\\u009b\"}");
        Files.createFile(home.resolve("model.safetensors"));

        assertThat(run("inspect", home.toString())).contains("[2Jllama").doesNotContain("\u001b", "\u009b");
    }

    @Test
    void shouldShowTheOtherEventsWhenALineOfTheJournalIsDamaged() throws IOException {
        String event = "{\"time\":\"2026-01-01T00:00:00Z\",\"worker\":\"mlx\",\"event\":\"ready\",\"detail\":\"%s\"}\n";
        Files.write(
                home.resolve(ProviderFactory.JOURNAL),
                (event.formatted("before") + "{\"time\":\"20\n\n\u00ff" + event.formatted("\\u001b[2Jafter"))
                        .getBytes(StandardCharsets.ISO_8859_1));
        Files.writeString(home.resolve(ProviderFactory.JOURNAL), event.formatted("last"), StandardOpenOption.APPEND);

        System.setProperty("MLX4J_HOME", home.toString());
        try {
            assertThat(run("doctor")).contains("before", "last").doesNotContain("\u001b");
        } finally {
            System.clearProperty("MLX4J_HOME");
        }
    }

    /** What a command prints to both streams. */
    private String run(String... arguments) {
        PrintWriter both = new PrintWriter(raw, true);
        Main.commandLine(both, both).execute(arguments);
        both.flush();
        return raw.toString();
    }
}
