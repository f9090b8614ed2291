package io.github.mlx4j.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.port.TokenizerPort;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BenchPromptsTest {

    private static final int TEMPLATE = 12;

    /** Counts words, and some more for a chat's template. */
    private static final TokenizerPort WORDS = new TokenizerPort() {
        @Override
        public List<Integer> tokenize(GenerationRequest request) {
            throw new AssertionError("only counts are needed");
        }

        @Override
        public int countTokens(GenerationRequest request) {
            return request.prompt() instanceof Prompt.Raw raw
                    ? raw.text().split(" ").length
                    : TEMPLATE + message(request).split(" ").length;
        }

        @Override
        public String applyTemplate(GenerationRequest request) {
            throw new AssertionError("only counts are needed");
        }
    };

    @ParameterizedTest
    @CsvSource({"64, true", "512, true", "512, false", "1000, false"})
    void shouldHaveTheLengthThatTheTokenizerCounts(int tokens, boolean chat) {
        BenchPrompts prompts = BenchPrompts.of(Optional.of(WORDS), chat, tokens, 4);

        for (int i = 0; i < 4; i++) {
            assertThat(WORDS.countTokens(BenchPrompts.request(prompts.get(i), chat)))
                    .isEqualTo(tokens);
        }
    }

    @Test
    void shouldHaveOneWordAtLeastWhenTheTemplateAloneIsLonger() {
        String text = BenchPrompts.of(Optional.of(WORDS), true, 3, 1).get(0);

        assertThat(text).matches("[a-z]+\\. Go on .*");
    }

    @Test
    void shouldGuessTheLengthWhenNobodyCounts() {
        String text = BenchPrompts.of(Optional.empty(), true, 200, 1).get(0);

        assertThat(text.length()).isBetween(780, 800);
    }

    @Test
    void shouldDifferFromTheirFirstWordsOnAndBeTheSameEachTime() {
        List<String> once = texts();

        assertThat(once.stream().map(text -> text.split("[,.]")[0] + text.split("[,.]")[1] + text.split("[,.]")[2]))
                .doesNotHaveDuplicates();
        assertThat(texts()).isEqualTo(once);
    }

    private static List<String> texts() {
        BenchPrompts prompts = BenchPrompts.of(Optional.of(WORDS), false, 100, 6);
        return IntStream.range(0, 6).mapToObj(prompts::get).toList();
    }

    private static String message(GenerationRequest request) {
        Message only = ((Prompt.Chat) request.prompt()).messages().get(0);
        return only.content();
    }
}
