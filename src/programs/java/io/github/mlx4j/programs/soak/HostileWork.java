package io.github.mlx4j.programs.soak;

import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.generation.ToolSpec;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Requests that are expensive to prepare or impossible to serve. Each may be answered, or fail with an error of the
 * caller; no other request may be affected.
 */
final class HostileWork {

    private static final int MIB = 1 << 20;

    private HostileWork() {}

    /** Returns a request of this kind: a deep schema, a huge or long prompt, or a hostile grammar. */
    static Work of(Fault kind, SplittableRandom random) {
        GenerationRequest.Builder request = switch (kind) {
            case DEEP_SCHEMA -> deepSchema(random);
            case HUGE_PROMPT -> GenerationRequest.raw(words(7 * MIB + random.nextInt(2 * MIB))).toBuilder();
            case LONG_PROMPT -> longPrompt(random);
            case GRAMMAR -> GenerationRequest.chat("Hi").toBuilder().responseFormat(grammar(random));
            default -> throw new IllegalArgumentException(kind + " is not a request");
        };
        return new Work(request.maxTokens(8).build(), "", null, FinishReason.STOP, Work.Nature.HOSTILE, kind);
    }

    /** Returns text of approximately this many characters. */
    static String words(int length) {
        return "many words ".repeat(length / 11);
    }

    private static GenerationRequest.Builder deepSchema(SplittableRandom random) {
        GenerationRequest.Builder request = GenerationRequest.chat("Hi").toBuilder();
        String schema = switch (random.nextInt(5)) {
            case 0 -> "{\"$ref\":\"#\"}";
            case 1 -> "{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}";
            case 2 -> "{\"anyOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}";
            case 3 -> nested(40 + random.nextInt(100)); // around the limit
            default -> nested(980 + random.nextInt(40)); // around the limit of a recursive parser
        };
        return random.nextInt(3) == 0
                ? request.tools(new ToolSpec("tool", null, schema))
                : request.responseFormat(ResponseFormat.jsonSchema(schema));
    }

    private static String nested(int depth) {
        return "{\"type\":\"array\",\"items\":".repeat(depth) + "{\"type\":\"string\"}" + "}".repeat(depth);
    }

    private static GenerationRequest.Builder longPrompt(SplittableRandom random) {
        int tokens = 4096 - 10 + random.nextInt(20_000); // slightly shorter than the context, or longer
        if (random.nextBoolean()) {
            return GenerationRequest.raw(words(tokens * 4)).toBuilder();
        }
        Integer[] ids = new Integer[tokens];
        Arrays.fill(ids, 100);
        return GenerationRequest.tokens(ids).toBuilder();
    }

    private static ResponseFormat grammar(SplittableRandom random) {
        return switch (random.nextInt(6)) {
            case 0 -> ResponseFormat.regex("((a{1,1000}){1,1000}){1,1000}");
            case 1 -> ResponseFormat.regex("(" + "[a-z0-9]{0,200}|".repeat(500) + "x)");
            case 2 -> ResponseFormat.regex("(".repeat(2000) + "a" + ")*".repeat(2000));
            case 3 ->
                ResponseFormat.choice(
                        IntStream.range(0, 2000).mapToObj(i -> i + words(500)).toList());
            case 4 ->
                ResponseFormat.jsonSchema(IntStream.range(0, 5000)
                        .mapToObj("\"p%d\":{\"type\":\"string\",\"maxLength\":100}"::formatted)
                        .collect(Collectors.joining(",", "{\"type\":\"object\",\"properties\":{", "}}")));
            default ->
                ResponseFormat.jsonSchema(
                        "{\"type\":\"string\",\"minLength\":1000000,\"maxLength\":%d}".formatted(1L << 40));
        };
    }
}
