package io.github.mlx4j.cli.output;

import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.InvalidRequestException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

/** Turns option values that are well-formed but invalid into usage errors (exit code 2). */
public final class Usage {

    private final CommandSpec spec;

    public Usage(CommandSpec spec) {
        this.spec = spec;
    }

    /**
     * Checks a number.
     *
     * @param value the option's value, {@code null} if absent
     * @throws CommandLine.ParameterException unless {@code low <= value <= high}
     */
    public Usage within(String option, @Nullable Number value, double low, double high) {
        return check(option, value, value != null && !(value.doubleValue() >= low), low, high, "from ");
    }

    /** Checks a number in a range that excludes {@code low}. */
    public Usage above(String option, @Nullable Number value, double low, double high) {
        return check(option, value, value != null && !(value.doubleValue() > low), low, high, "above ");
    }

    /** Checks a count, which must be at least 1. */
    public Usage count(String option, @Nullable Integer value) {
        return within(option, value, 1, Integer.MAX_VALUE);
    }

    private Usage check(
            String option, @Nullable Number value, boolean tooLow, double low, double high, String beginning) {
        if (value != null && (tooLow || !(value.doubleValue() <= high))) {
            String end = high >= Integer.MAX_VALUE ? "" : (beginning.equals("from ") ? " to " : " up to ") + text(high);
            throw wrong("%s is %s, but must be %s%s%s".formatted(option, value, beginning, text(low), end));
        }
        return this;
    }

    private static String text(double bound) {
        return bound == Math.rint(bound) ? Long.toString((long) bound) : Double.toString(bound);
    }

    /** Builds an object from the options. Errors of the library become usage errors that name the options. */
    public <T> T of(Supplier<T> described) {
        try {
            return described.get();
        } catch (ConfigurationException | InvalidRequestException wrong) {
            throw new CommandLine.ParameterException(
                    spec.commandLine(), new OptionNames(spec).inUsage(wrong.getMessage()), wrong);
        }
    }

    /** Returns a usage error with this message. */
    public CommandLine.ParameterException wrong(String why) {
        return new CommandLine.ParameterException(spec.commandLine(), why);
    }
}
