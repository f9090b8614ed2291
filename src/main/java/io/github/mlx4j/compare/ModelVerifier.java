package io.github.mlx4j.compare;

import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.port.ModelDetails;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Verifies that two models give the same results, for example before and after a conversion, or on two engines. It
 * compares the logits at each position of some prompts, and then the texts that both models generate. It keeps the
 * logits of only one prompt at a time in memory, for both models.
 *
 * <p>Open mlx models with {@code MlxConfig.tf32} off, as {@code mlx4j verify} does. GPUs that round float32 to TF32
 * introduce additional differences.
 */
public final class ModelVerifier {

    private static final int SHOWN = 60;

    private ModelVerifier() {}

    /**
     * Compares two models.
     *
     * @param tolerance the maximum difference between logits that passes, relative to the range of A's logits for the
     *     prompt, 0 or more
     * @param maxTokens the maximum number of tokens to generate for each prompt, 1 or more
     * @throws InvalidRequestException if there are no prompts, A can't process one of them, or another argument is
     *     invalid
     * @throws ContextOverflowException if a prompt exceeds A's context
     * @throws Mlx4jException if a model can't be loaded or fails
     */
    public static Verification verify(
            ComparedModel a, ComparedModel b, List<Prompt> prompts, double tolerance, int maxTokens) {
        return verify(a, b, prompts, tolerance, maxTokens, checked -> {});
    }

    /** Compares two models and reports each prompt to {@code checked} when it is done. */
    public static Verification verify(
            ComparedModel a,
            ComparedModel b,
            List<Prompt> prompts,
            double tolerance,
            int maxTokens,
            Consumer<Verification.Check> checked) {
        if (prompts.isEmpty()) {
            throw new InvalidRequestException(
                    "There are no prompts to compare the models with.", "Provide at least one.");
        }
        if (!(tolerance >= 0) || Double.isInfinite(tolerance)) {
            throw new InvalidRequestException(
                    "The tolerance is " + tolerance + ".", "Set it to a number of at least 0.");
        }
        if (maxTokens < 1) {
            throw new InvalidRequestException("maxTokens is " + maxTokens + ".", "Set it to 1 or more.");
        }
        ModelDetails detailsA = a.analysis().details();
        ModelDetails detailsB = b.analysis().details();
        List<Verification.Check> checks = new ArrayList<>();
        for (Prompt prompt : prompts) {
            Verification.Check check = check(a, b, prompt, tolerance, maxTokens);
            checks.add(check);
            checked.accept(check);
        }
        return total(
                Verification.Model.of(a.name(), detailsA),
                Verification.Model.of(b.name(), detailsB),
                checks,
                tolerance,
                maxTokens);
    }

    private static Verification.Check check(
            ComparedModel a, ComparedModel b, Prompt prompt, double tolerance, int maxTokens) {
        List<Integer> tokens = tokens(a, prompt);
        List<String> differences = new ArrayList<>();
        if (!(prompt instanceof Prompt.Tokens)) {
            String other = tokenizerDifference(b, prompt, tokens);
            if (other != null) {
                differences.add(other); // with different tokens, all other comparisons would be meaningless
                return new Verification.Check(show(prompt), tokens.size(), false, differences, null, null);
            }
        }
        Verification.Logits logits = logits(a, b, tokens, tolerance, differences);
        Verification.Greedy greedy = null;
        if (logits != null) {
            greedy = greedy(a, b, tokens, maxTokens, differences);
            if (greedy != null && greedy.divergence() != null) {
                differences.add("greedy: tokens differ from the %s on"
                        .formatted(ordinal(greedy.divergence().at() + 1)));
            }
        }
        return new Verification.Check(show(prompt), tokens.size(), differences.isEmpty(), differences, logits, greedy);
    }

    private static List<Integer> tokens(ComparedModel side, Prompt prompt) {
        return side.tokenizer()
                .tokenize(GenerationRequest.builder().prompt(prompt).build());
    }

    private static @Nullable String tokenizerDifference(ComparedModel b, Prompt prompt, List<Integer> tokens) {
        try {
            List<Integer> others = tokens(b, prompt);
            if (others.equals(tokens)) {
                return null;
            }
            int at = firstDifference(tokens, others);
            return "tokenizer: the %s token differs (%s against %s)"
                    .formatted(
                            ordinal(at + 1),
                            Objects.toString(at(tokens, at), "none"),
                            Objects.toString(at(others, at), "none"));
        } catch (InvalidRequestException refused) {
            return "tokenizer: B rejected the prompt: " + refused.reason();
        }
    }

    private static Verification.@Nullable Logits logits(
            ComparedModel a, ComparedModel b, List<Integer> tokens, double tolerance, List<String> differences) {
        List<float[]> ofA = a.analysis().logits(tokens);
        List<float[]> ofB;
        try {
            ofB = b.analysis().logits(tokens);
        } catch (InvalidRequestException | ContextOverflowException refused) {
            differences.add("logits: B rejected the tokens: " + refused.reason());
            return null;
        }
        if (tokens.isEmpty() || ofA.size() != tokens.size() || ofB.size() != tokens.size()) {
            differences.add("logits: for %d tokens, A returned %d and B returned %d"
                    .formatted(tokens.size(), ofA.size(), ofB.size()));
            return null;
        }
        Verification.Logits found = LogitComparison.of(ofA, ofB);
        if (found.notFinite() > 0) {
            differences.add("logits: %d are NaN or infinite".formatted(found.notFinite()));
        }
        if (found.maxDifference() > tolerance * found.range()) {
            differences.add(String.format(
                    Locale.ROOT,
                    "logits: differ by %.3g after the %s token, which is more than %.3g of their range of %.3g",
                    found.maxDifference(),
                    ordinal(found.maxDifferenceAt() + 1),
                    tolerance,
                    found.range()));
        }
        return found;
    }

    private static Verification.@Nullable Greedy greedy(
            ComparedModel a, ComparedModel b, List<Integer> tokens, int maxTokens, List<String> differences) {
        GenerationRequest request = GenerationRequest.builder()
                .prompt(new Prompt.Tokens(tokens))
                .temperature(0)
                .repetitionPenalty(1) // overrides the default of the model's author
                .maxTokens(maxTokens)
                .build();
        List<Integer> ofA = a.text().generate(request).tokens();
        List<Integer> ofB;
        try {
            ofB = b.text().generate(request).tokens();
        } catch (InvalidRequestException | ContextOverflowException refused) {
            differences.add("greedy: B rejected the tokens: " + refused.reason());
            return null;
        }
        if (ofA.equals(ofB)) {
            return new Verification.Greedy(ofA.size(), ofB.size(), null);
        }
        int at = firstDifference(ofA, ofB);
        List<Integer> before =
                Stream.concat(tokens.stream(), ofA.stream().limit(at)).toList();
        return new Verification.Greedy(
                ofA.size(),
                ofB.size(),
                new Verification.Divergence(at, at(ofA, at), at(ofB, at), margin(a, before), margin(b, before)));
    }

    /** Returns by how much the most probable next token leads the second; {@code null} if there are too many tokens. */
    private static @Nullable Double margin(ComparedModel side, List<Integer> tokens) {
        try {
            List<float[]> logits = side.analysis().logits(tokens);
            return LogitComparison.margin(logits.get(logits.size() - 1));
        } catch (InvalidRequestException | ContextOverflowException tooMany) {
            return null;
        }
    }

    private static Verification total(
            Verification.Model a,
            Verification.Model b,
            List<Verification.Check> checks,
            double tolerance,
            int maxTokens) {
        List<Verification.Logits> logits = checks.stream()
                .map(Verification.Check::logits)
                .filter(Objects::nonNull)
                .toList();
        int positions = logits.stream().mapToInt(Verification.Logits::positions).sum();
        double most = logits.stream()
                .mapToDouble(Verification.Logits::maxDifference)
                .max()
                .orElse(0);
        double mean = logits.stream()
                        .mapToDouble(one -> one.meanDifference() * one.positions())
                        .sum()
                / Math.max(1, positions);
        int differs =
                logits.stream().mapToInt(one -> one.argmaxDiffersAt().size()).sum();
        int greedy = (int) checks.stream()
                .map(Verification.Check::greedy)
                .filter(one -> one != null && one.divergence() == null)
                .count();
        List<String> notes = new ArrayList<>();
        if (a.vocabularySize() != b.vocabularySize()) {
            notes.add(
                    "A has %d token ids and B has %d, for example because one vocabulary is padded; the first %d are compared."
                            .formatted(
                                    a.vocabularySize(),
                                    b.vocabularySize(),
                                    Math.min(a.vocabularySize(), b.vocabularySize())));
        }
        List<String> reasons = reasons(checks);
        return new Verification(
                a,
                b,
                tolerance,
                maxTokens,
                reasons.isEmpty(),
                reasons,
                notes,
                positions,
                most,
                mean,
                positions - differs,
                greedy,
                checks);
    }

    /** Returns how many prompts differ in which way. */
    private static List<String> reasons(List<Verification.Check> checks) {
        return Stream.of("tokenizer", "logits", "greedy")
                .map(kind -> {
                    long count = checks.stream()
                            .filter(check -> check.differences().stream().anyMatch(one -> one.startsWith(kind + ":")))
                            .count();
                    return count == 0 ? "" : "%s: %d of %d prompts differ".formatted(kind, count, checks.size());
                })
                .filter(reason -> !reason.isEmpty())
                .toList();
    }

    private static int firstDifference(List<Integer> one, List<Integer> other) {
        int common = Math.min(one.size(), other.size());
        for (int at = 0; at < common; at++) {
            if (!one.get(at).equals(other.get(at))) {
                return at;
            }
        }
        return common;
    }

    private static @Nullable Integer at(List<Integer> tokens, int at) {
        return at < tokens.size() ? tokens.get(at) : null;
    }

    private static String ordinal(int number) {
        String end = number / 10 % 10 == 1
                ? "th"
                : switch (number % 10) {
                    case 1 -> "st";
                    case 2 -> "nd";
                    case 3 -> "rd";
                    default -> "th";
                };
        return number + end;
    }

    private static String show(Prompt prompt) {
        String text = Prompts.show(prompt).replaceAll("\\s+", " ");
        return text.codePointCount(0, text.length()) <= SHOWN
                ? text
                : text.substring(0, text.offsetByCodePoints(0, SHOWN)) + "…";
    }
}
