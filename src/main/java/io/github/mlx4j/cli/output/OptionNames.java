package io.github.mlx4j.cli.output;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import picocli.CommandLine.Model.CommandSpec;

/**
 * Rewrites messages of the library and of its workers for a command: the names of fields in Java and in the protocol
 * become the command's options, or settings if the command has no such option. Unless listed here, an option has the
 * name of its field in kebab case.
 */
public final class OptionNames {

    private static final Map<String, List<String>> OPTIONS = Map.of(
            "totalSteps", List.of("--steps"),
            "trainData", List.of("--data"),
            "validData", List.of("--valid", "--data"),
            "base", List.of("--trained-base", "--base"));

    private static final Map<String, String> SETTINGS = Map.ofEntries(
            Map.entry("adapter", "MLX_ADAPTER_PATH"),
            Map.entry("allowPickles", "MLX4J_ALLOW_PICKLES=true"),
            Map.entry("base", "MLX4J_BASE_MODEL"),
            Map.entry("draftModel", "MLX_DRAFT_MODEL"),
            Map.entry("dtype", "MLX4J_DTYPE"),
            Map.entry("expert", "MLX4J_EXPERT"),
            Map.entry("kvBits", "MLX_KV_BITS"),
            Map.entry("kvTokens", "MLX_KV_TOKENS"),
            Map.entry("memoryLimitBytes", "MLX4J_MEMORY_LIMIT_MB"),
            Map.entry("reranker", "MLX4J_RERANKER"),
            Map.entry("trustRemoteCode", "MLX4J_TRUST_REMOTE_CODE=true"),
            Map.entry("wiredLimit", "MLX4J_WIRED_LIMIT"));

    /** A camel-case name, or any name after {@code options.}, that is not part of a path, a quotation or a call. */
    private static final Pattern FIELD = Pattern.compile(
            "(?<![\\w./'\"$-])(?:options\\.([a-z]\\w*)|([a-z]+(?:[A-Z][a-z0-9]*)+))(?![\\w/'\"=(-]|\\.\\w)");

    /** A one-word name, recognized by its position in a message about options. */
    private static final Pattern WORD = Pattern.compile(
            "(?<=^|\\b[Ss]et |\\bwithout |--[a-z-]{1,30} (?:and|or) )([a-z]+)(?=[.,]| (?:is|and|mean|means|has|have)\\b)");

    private final CommandSpec spec;

    public OptionNames(CommandSpec spec) {
        this.spec = spec;
    }

    /** Replaces the names that are certainly fields. */
    public String in(String message) {
        return FIELD.matcher(message).replaceAll(found -> {
            String name = found.group(1) != null ? found.group(1) : found.group(2);
            return replacement(found, option(name).or(() -> Optional.ofNullable(SETTINGS.get(name))));
        });
    }

    /** Replaces the names in a message about the values of the command's options, including one-word names. */
    String inUsage(String message) {
        return WORD.matcher(in(message)).replaceAll(found -> replacement(found, option(found.group(1))));
    }

    private static String replacement(MatchResult found, Optional<String> name) {
        return Matcher.quoteReplacement(name.orElse(found.group()));
    }

    private Optional<String> option(String field) {
        String kebab = "--" + field.replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
        return Stream.concat(OPTIONS.getOrDefault(field, List.of()).stream(), Stream.of(kebab))
                .filter(name -> spec.findOption(name) != null)
                .findFirst();
    }
}
