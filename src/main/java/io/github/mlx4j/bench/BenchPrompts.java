package io.github.mlx4j.bench;

import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.port.TokenizerPort;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Prompts of about one length that differ from their first words on, so that no cache knows a part of them. The same
 * ones each time.
 */
final class BenchPrompts {

    private static final String TASK = "Go on with this list for as long as you can: ";
    private static final String WORDS = "river house bread winter garden letter morning window mountain paper road"
            + " kitchen summer music harbour teacher silver village forest machine island bridge candle ship";
    private static final double CHARACTERS_PER_TOKEN = 4; // of English, where nobody can count

    private final List<String> texts;

    private BenchPrompts(List<String> texts) {
        this.texts = texts;
    }

    /** So many prompts of at most, and nearly, so many tokens, chat template included; one word at least. */
    static BenchPrompts of(Optional<TokenizerPort> tokenizer, boolean chat, int tokens, int count) {
        return new BenchPrompts(IntStream.range(0, count)
                .mapToObj(number -> text(tokenizer, chat, tokens, new Random(number)))
                .toList());
    }

    private static String text(Optional<TokenizerPort> tokenizer, boolean chat, int tokens, Random random) {
        String[] words = WORDS.split(" ");
        List<String> drawn = random.ints(Math.max(1, tokens), 0, words.length)
                .mapToObj(pick -> words[pick])
                .toList();
        int fits = 1; // this many words do, and so do as many as the tokens at most, since a word has one at least
        int most = drawn.size();
        while (fits < most) {
            int half = (fits + most + 1) / 2;
            String text = text(drawn, half);
            double taken = tokenizer
                    .map(port -> (double) port.countTokens(request(text, chat)))
                    .orElse(text.length() / CHARACTERS_PER_TOKEN);
            if (taken <= tokens) {
                fits = half;
            } else {
                most = half - 1;
            }
        }
        return text(drawn, fits);
    }

    /** The words come first, since caches know what prompts begin with. */
    private static String text(List<String> drawn, int words) {
        return drawn.stream().limit(words).collect(Collectors.joining(", ", "", ". ")) + TASK;
    }

    /** A request for the text, for either kind of model. */
    static GenerationRequest request(String text, boolean chat) {
        return chat
                ? GenerationRequest.chat(text)
                : GenerationRequest.builder().prompt(new Prompt.Raw(text)).build();
    }

    String get(int number) {
        return texts.get(number);
    }
}
