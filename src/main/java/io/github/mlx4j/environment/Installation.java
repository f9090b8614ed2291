package io.github.mlx4j.environment;

import com.fasterxml.jackson.annotation.JsonValue;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The result of an {@link InstallationCheck}.
 *
 * @param worker the worker kind that was checked
 * @param interpreter the worker's interpreter, or {@code null} if there is none
 * @param versions the versions of the required packages, by distribution name
 * @param steps the steps of the check, in order
 */
public record Installation(
        ProviderKind worker, @Nullable Path interpreter, Map<String, String> versions, List<Step> steps) {

    /** Makes immutable copies of the collections. */
    public Installation {
        versions = Map.copyOf(versions);
        steps = List.copyOf(steps);
    }

    /** Returns whether all steps passed. */
    public boolean passed() {
        return steps.stream().allMatch(step -> step.status() == Status.PASSED);
    }

    /** Returns a copy with an additional step. */
    public Installation with(Step step) {
        List<Step> more = new ArrayList<>(steps);
        more.add(step);
        return new Installation(worker, interpreter, versions, more);
    }

    /** The result of a step. */
    public enum Status {
        /** The check passed. */
        PASSED,
        /** The check failed. */
        FAILED,
        /** The check was not run because a step that it depends on failed. */
        NOT_RUN;

        /** Returns the text used in reports: {@code passed}, {@code failed}, {@code not run}. */
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
     * A single step of the check.
     *
     * @param name the name of the step
     * @param status the result
     * @param ms the duration in milliseconds
     * @param detail what was found or, for a failed step, the reason
     * @param fix what to do about a failed step; otherwise empty
     */
    public record Step(String name, Status status, double ms, String detail, String fix) {

        /** Creates a step that passed. */
        public static Step passed(String name, double ms, String detail) {
            return new Step(name, Status.PASSED, ms, detail, "");
        }

        /** Creates a step that failed. */
        public static Step failed(String name, double ms, String why, String fix) {
            return new Step(name, Status.FAILED, ms, why, fix);
        }

        /** Creates a step that was not run. */
        public static Step notRun(String name) {
            return new Step(name, Status.NOT_RUN, 0, "", "");
        }
    }
}
