package io.github.mlx4j.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.Prompt;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PromptsTest {

    @TempDir
    private Path folder;

    @Test
    void shouldHaveSomeOfItsOwnWhenNoneAreGiven() {
        assertThat(Prompts.builtIn(false)).hasSize(8).allMatch(prompt -> prompt instanceof Prompt.Raw);
        assertThat(Prompts.builtIn(true)).hasSize(10);
    }

    @Test
    void shouldTakeLinesAsTextWhenTheyAreNotJson() throws IOException {
        Path file = Files.writeString(folder.resolve("prompts.txt"), "Once\r\n\r\n upon {a} time\r\n");

        assertThat(Prompts.read(file)).containsExactly(new Prompt.Raw("Once"), new Prompt.Raw(" upon {a} time"));
    }

    @Test
    void shouldTakeEachFormWhenTheLinesAreJson() throws IOException {
        Path file = Files.writeString(folder.resolve("prompts.jsonl"), """
                {"prompt": "Once"}
                {"messages": [{"role": "user", "content": "Hi"}]}
                {"tokens": [3, 4]}
                """);

        assertThat(Prompts.read(file))
                .containsExactly(
                        new Prompt.Raw("Once"),
                        new Prompt.Chat(List.of(Message.user("Hi"))),
                        new Prompt.Tokens(List.of(3, 4)));
    }

    @Test
    void shouldSayWhichLineWhenOneIsNoPrompt() throws IOException {
        Path file = Files.writeString(folder.resolve("prompts.jsonl"), "{\"prompt\": \"Once\"}\nupon\n");

        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> Prompts.read(file))
                .withMessageStartingWith(file + ", line 2: it is not JSON");
    }
}
