package io.github.mlx4j.environment;

import com.fasterxml.jackson.annotation.JsonValue;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What {@link InstallationCheck} found.
 *
 * @param worker the worker kind that was looked at
 * @param interpreter its interpreter, or {@code null} where there is none
 * @param versions of the packages that it needs, by distribution name
 * @param steps what was checked, in order
 */
public record Installation(
        ProviderKind worker, @Nullable Path interpreter, Map<String, String> versions, List<Step> steps) {

    /** Takes immutable copies. */
    public Installation {
        versions = Map.copyOf(versions);
        steps = List.copyOf(steps);
    }

    /** Whether every step passed. */
    public boolean passed() {
        return steps.stream().allMatch(step -> step.status() == Status.PASSED);
    }

    /** The same with one more step. */
    public Installation with(Step step) {
        List<Step> more = new ArrayList<>(steps);
        more.add(step);
        return new Installation(worker, interpreter, versions, more);
    }

    /** How a step ended. */
    public enum Status {
        /** It holds. */
        PASSED,
        /** It does not. */
        FAILED,
        /** It was not looked at, since a step that it needs failed. */
        NOT_RUN;

        /** As reports write it: {@code passed}, {@code failed}, {@code not run}. */
        @JsonValue
        public String text() {
            return switch (this) {
                case PASSED -> "passed";
                case FAILED -> "failed";
                case NOT_RUN -> "not run";
            };
        }
    }

    /**
     * One thing that was checked.
     *
     * @param name what
     * @param status how it ended
     * @param ms how long it took, in milliseconds
     * @param detail what was found; of a failed one, why
     * @param fix what to do about a failed one, else empty
     */
    public record Step(String name, Status status, double ms, String detail, String fix) {

        /** One that passed. */
        public static Step passed(String name, double ms, String detail) {
            return new Step(name, Status.PASSED, ms, detail, "");
        }

        /** One that failed. */
        public static Step failed(String name, double ms, String why, String fix) {
            return new Step(name, Status.FAILED, ms, why, fix);
        }

        /** One that was not looked at. */
        public static Step notRun(String name) {
            return new Step(name, Status.NOT_RUN, 0, "", "");
        }
    }
}
