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
 * Prompts of approximately equal length that differ from their first words on, so that no cached prefix applies. They
 * are the same in every benchmark.
 */
final class BenchPrompts {

    private static final String TASK = "Go on with this list for as long as you can: ";
    private static final String WORDS = "river house bread winter garden letter morning window mountain paper road"
            + " kitchen summer music harbour teacher silver village forest machine island bridge candle ship";
    private static final double CHARACTERS_PER_TOKEN = 4; // for English text, if there is no tokenizer

    private final List<String> texts;

    private BenchPrompts(List<String> texts) {
        this.texts = texts;
    }

    /**
     * Creates {@code count} prompts with as many words as fit into {@code tokens} tokens, including the chat template,
     * but at least one word.
     */
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
        int fits = 1; // invariant: this many words fit
        int most = drawn.size(); // enough, since a word has at least one token
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

    /** Puts the words first, since caches compare prompts from the beginning. */
    private static String text(List<String> drawn, int words) {
        return drawn.stream().limit(words).collect(Collectors.joining(", ", "", ". ")) + TASK;
    }

    /** Creates a request with the text as a chat message or as raw text. */
    static GenerationRequest request(String text, boolean chat) {
        return chat
                ? GenerationRequest.chat(text)
                : GenerationRequest.builder().prompt(new Prompt.Raw(text)).build();
    }

    String get(int number) {
        return texts.get(number);
    }
}
