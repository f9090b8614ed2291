package io.github.mlx4j.programs.bench;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/** Creates prompts that differ from their first words on, so that no arm finds them in a cache. */
final class Prompts {

    private static final List<String> SENTENCES = List.of(
            "The old house stands by the road to the harbour.",
            "In winter the days are short and the nights are cold.",
            "He bought bread, milk and two books at the market.",
            "Why is the sky blue in the morning?",
            "A small boat came back before the storm.",
            "The teacher asked them to count from one to ten.",
            "She reads the newspaper every Saturday.",
            "Rivers carry sand and stones down to the sea.",
            "Nobody knew who had left the window open.",
            "The train to Berlin leaves in twenty minutes.",
            "Good tools make hard work easy.",
            "They planted apple trees behind the garden wall.");

    private final InProcessArm model;
    private final Random random;
    private final double tokensPerSentence;

    Prompts(InProcessArm model, long seed) {
        this.model = model;
        this.random = new Random(seed);
        this.tokensPerSentence = (double) model.count(String.join(" ", SENTENCES)) / SENTENCES.size();
    }

    /**
     * Returns a user message of approximately this many tokens. Messages of the same length have the same number of
     * tokens, or nearly so.
     */
    String message(int tokens) {
        List<String> parts = new ArrayList<>(IntStream.range(0, Math.max(1, (int) (tokens / tokensPerSentence)))
                .mapToObj(i -> SENTENCES.get(i % SENTENCES.size()))
                .toList());
        Collections.shuffle(parts, random);
        return "%06d: %s".formatted(random.nextInt(1_000_000), String.join(" ", parts));
    }

    /** Returns the prompt of such a message. */
    String fresh(int tokens) {
        return model.render(List.of(message(tokens)));
    }

    List<String> fresh(int tokens, int count) {
        return IntStream.range(0, count).mapToObj(i -> fresh(tokens)).toList();
    }

    /** Returns the prompt of a chat whose turns alternate between user and model. */
    String chat(String... turns) {
        return model.render(List.of(turns));
    }

    int count(String prompt) {
        return model.count(prompt);
    }
}
