package io.github.mlx4j.cli.output;

import java.math.BigDecimal;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine;

/** Reads amounts of memory: {@code 16GB} (10⁹ bytes each), {@code 1.5 GiB} (2³⁰), {@code 900MB}, {@code 900MiB}. */
public final class ByteSize implements CommandLine.ITypeConverter<Long> {

    private static final Pattern FORM = Pattern.compile("(\\d{1,9}(?:\\.\\d{1,3})?)\\s*([a-z]+)");
    private static final Map<String, Long> UNITS =
            Map.of("gb", 1_000_000_000L, "gib", 1L << 30, "mb", 1_000_000L, "mib", 1L << 20);

    @Override
    public Long convert(String value) {
        Matcher parts = FORM.matcher(value.strip().toLowerCase(Locale.ROOT));
        if (!parts.matches() || !UNITS.containsKey(parts.group(2))) {
            throw new CommandLine.TypeConversionException(
                    "'%s' is not a size, such as 16GB, 1.5GiB or 900MB".formatted(value));
        }
        return new BigDecimal(parts.group(1))
                .multiply(BigDecimal.valueOf(UNITS.get(parts.group(2))))
                .longValue();
    }
}
