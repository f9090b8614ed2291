package io.github.mlx4j;

import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.config.HfDevice;
import io.github.mlx4j.config.RerankerKind;
import io.github.mlx4j.config.SandboxMode;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.UnsupportedProviderException;
import io.github.mlx4j.internal.files.UserPath;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;

/**
 * The valid values of a setting, with their text form.
 *
 * @param type the class of the values
 * @param parse parses a value; returns empty if the text is invalid
 * @param isAllowed whether a value of this class is valid
 * @param write formats a value so that {@code parse} can read it, for error messages
 * @param choices the valid values, for error messages
 * @param <T> the class of the values
 */
record SettingType<T>(
        Class<? super T> type,
        Function<String, Optional<T>> parse,
        Predicate<T> isAllowed,
        Function<T, String> write,
        String choices) {

    private static final int MAX = 999_999_999;

    static final SettingType<String> TEXT = any(String.class, Function.identity());
    static final SettingType<Path> PATH = any(Path.class, UserPath::of);
    static final SettingType<Boolean> FLAG = eitherOf("true", "false");
    static final SettingType<Boolean> DOWNLOAD = eitherOf("auto", "never");
    static final SettingType<Dtype> DTYPE = oneOf(Dtype.class, Dtype::id);
    static final SettingType<HfDevice> DEVICE = oneOf(HfDevice.class, HfDevice::id);
    static final SettingType<RerankerKind> RERANKER = oneOf(RerankerKind.class, RerankerKind::id);
    static final SettingType<SandboxMode> SANDBOX = oneOf(SandboxMode.class, SandboxMode::id);
    static final SettingType<Integer> KV_BITS = new SettingType<>(
            Integer.class, SettingType::number, bits -> bits == 4 || bits == 8, String::valueOf, "4 or 8");

    /** A provider; empty for {@code auto}. */
    static final SettingType<Optional<ProviderKind>> PROVIDER = any(
            Optional.class,
            text -> text.equalsIgnoreCase("auto")
                    ? Optional.empty()
                    : Optional.of(provider(Setting.TASK_ORCHESTRATOR_PROVIDER, text, "Set it to auto, ")));

    static final SettingType<List<ProviderKind>> PROVIDERS = any(
            List.class,
            text -> text.equalsIgnoreCase("none")
                    ? List.of()
                    : Arrays.stream(text.split(","))
                            .map(name -> provider(
                                    Setting.TASK_ORCHESTRATOR_FALLBACK,
                                    name.strip(),
                                    "Set it to none, or to a list of "))
                            .distinct()
                            .toList());

    /** Accepts integers greater than or equal to a minimum. */
    static SettingType<Integer> from(int min) {
        return range(min, MAX);
    }

    /** Accepts integers in a range. */
    static SettingType<Integer> range(int min, int max) {
        return number(Integer.class, min, max, number -> number, number -> number);
    }

    /** Accepts durations in whole seconds. */
    static SettingType<Duration> seconds(int min) {
        return number(Duration.class, min, MAX, Duration::ofSeconds, Duration::toSeconds);
    }

    /** Accepts sizes in whole mebibytes; the value is in bytes. */
    static SettingType<Long> mebibytes(int min) {
        return number(Long.class, min, MAX, number -> (long) number << 20, bytes -> bytes >> 20);
    }

    /**
     * Parses a value, or validates one that already has the right type.
     *
     * @param value a string, or a value of the type
     * @throws ConfigurationException if the value is invalid
     */
    T of(Setting setting, Object value) {
        if (value instanceof String text) {
            return parse.apply(text).filter(isAllowed).orElseThrow(() -> refusal(setting, text));
        }
        if (!type.isInstance(value)) {
            throw new ConfigurationException(
                    setting + " can't be set to a value of class "
                            + value.getClass().getSimpleName() + ".",
                    "Pass a String or a value of class " + type.getSimpleName() + ".");
        }
        @SuppressWarnings("unchecked") // the element types of collections can't be checked
        T typed = (T) value;
        if (!isAllowed.test(typed)) {
            throw refusal(setting, write.apply(typed));
        }
        return typed;
    }

    private ConfigurationException refusal(Setting setting, String value) {
        return new ConfigurationException(
                setting + " is '" + value + "', which is not a valid value.", "Set it to " + choices + ".");
    }

    private static <T> SettingType<T> any(Class<? super T> type, Function<String, T> parse) {
        return new SettingType<>(type, text -> Optional.of(parse.apply(text)), value -> true, String::valueOf, "");
    }

    private static SettingType<Boolean> eitherOf(String yes, String no) {
        return new SettingType<>(
                Boolean.class,
                text -> text.equalsIgnoreCase(yes) || text.equalsIgnoreCase(no)
                        ? Optional.of(text.equalsIgnoreCase(yes))
                        : Optional.empty(),
                value -> true,
                String::valueOf,
                yes + " or " + no);
    }

    private static <T extends Enum<T>> SettingType<T> oneOf(Class<T> type, Function<T, String> id) {
        List<T> values = List.of(type.getEnumConstants());
        List<String> ids = values.stream().map(id).toList();
        int last = ids.size() - 1;
        return new SettingType<>(
                type,
                text -> values.stream()
                        .filter(each -> id.apply(each).equals(text.toLowerCase(Locale.ROOT)))
                        .findFirst(),
                value -> true,
                id,
                String.join(", ", ids.subList(0, last)) + " or " + ids.get(last));
    }

    private static <T> SettingType<T> number(
            Class<T> type, int min, int max, IntFunction<T> of, ToLongFunction<T> number) {
        return new SettingType<>(
                type,
                text -> number(text).map(of::apply),
                value -> number.applyAsLong(value) >= min && number.applyAsLong(value) <= max,
                value -> Long.toString(number.applyAsLong(value)),
                "a whole number from " + min + (max == MAX ? " on" : " to " + max));
    }

    private static Optional<Integer> number(String text) {
        return text.matches("\\d{1,9}") ? Optional.of(Integer.valueOf(text)) : Optional.empty();
    }

    private static ProviderKind provider(Setting setting, String name, String before) {
        return Arrays.stream(ProviderKind.values())
                .filter(kind -> kind.id().equals(name.toLowerCase(Locale.ROOT)))
                .findFirst()
                .orElseThrow(() -> new UnsupportedProviderException(
                        setting + " is '" + name + "', but there is no such provider.",
                        before
                                + Arrays.stream(ProviderKind.values())
                                        .map(ProviderKind::id)
                                        .collect(Collectors.joining(", "))
                                + "."));
    }
}
