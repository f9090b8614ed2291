package io.github.mlx4j.programs.bench;

import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.report.Interval;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The requirements for mlx4j, per engine: a missed gate fails the run, and a missed goal is only reported. In a
 * description, {@code %1$s} to {@code %4$s} stand for the {@link Baseline}s.
 */
enum Limit {
    ONE("speed", true, gate(0.95, 0.98), gate(0.90, 0.97), "x", "1 caller, greedy, relative to %1$s"),
    ONE_SAMPLED("speed", true, gate(0.95, 0.98), gate(0.90, 0.97), "x", "1 caller, sampled, relative to %1$s"),
    EIGHT("speed", true, gate(0.95, 1), gate(0.75, 0.90), "x", "8 callers, greedy, relative to %2$s"),
    EIGHT_SAMPLED("speed", true, gate(0.93, 1), gate(0.75, 0.90), "x", "8 callers, sampled, relative to %2$s"),
    SIXTEEN("speed", true, gate(0.95, 1), gate(0.75, 0.90), "x", "16 callers, greedy, relative to %2$s"),
    SIXTEEN_SAMPLED("speed", true, gate(0.93, 1), gate(0.75, 0.90), "x", "16 callers, sampled, relative to %2$s"),
    SIXTEEN_DIFFERENT(
            "speed", true, gate(1.05, 1.25), null, "x", "16 callers with 16 different samplers, relative to %2$s"),
    SERVER_1("speed", true, goal(1), goal(1), "x", "1 caller, relative to %3$s"),
    SERVER_8("speed", true, goal(1), goal(1), "x", "8 callers, relative to %3$s"),
    SERVER_16("speed", true, goal(1), gate(1.2, 2), "x", "16 callers, relative to %3$s"),
    OWN_8("speed", true, goal(1.4), goal(1.4), "x", "8 callers, relative to mlx4j's own tokens/s with 1"),
    OWN_16("speed", true, goal(1.5), goal(1.5), "x", "16 callers, relative to mlx4j's own tokens/s with 1"),
    ADDED_FIRST(
            "speed", false, goal(1), goal(1), "ms", "added time to first token, 1 caller, beyond 1%% of that of %1$s"),
    SERVER_FIRST("speed", false, goal(1), goal(1), "x", "time to first token, 1 caller, relative to %3$s"),
    ARRIVALS("arrivals", true, goal(1), gate(1.3, 2), "x", "16 callers, mixed lengths and arrivals, relative to %4$s"),
    CONTEXT(
            "context",
            false,
            gate(1.08, 1.03),
            gate(1.08, 1.03),
            "x",
            "time per token at about 3,500 tokens of context, relative to %1$s"),
    BESIDE_FIRST(
            "beside",
            false,
            gate(1.3, 1.1),
            gate(1.3, 1.1),
            "x",
            "time to first token of a long prompt beside 16 decoding requests, relative to equal shares"),
    BESIDE_GAPS("beside", false, gate(1.3, 1.1), gate(1.3, 1.1), "x", "their gaps meanwhile, relative to equal shares"),
    ADDED_P50("latency", false, goal(150), null, "us", "added latency of a token, 1 caller, p50"),
    ADDED_P99("latency", false, goal(2000), null, "us", "added latency of a token, 1 caller, p99"),
    SECOND_TURN(
            "turn",
            true,
            gate(20, 20),
            null,
            "times",
            "second turn after about 1,500 cached tokens: time to first token shorter by"),
    STALL(
            "stall",
            false,
            gate(1, 1),
            null,
            "x",
            "longest stall of a decoding request beside a prefill, relative to 1 chunk + 1 step + 5 ms"),
    CHUNK("stall", false, gate(300, 300), null, "ms", "duration of that chunk"),
    CANCEL_DECODE(
            "cancel", false, gate(1, 1), null, "x", "cancel in decode until the end, p99, relative to 2 steps + 5 ms"),
    CANCEL_PREFILL(
            "cancel", false, gate(1, 1), null, "x", "cancel in prefill until the end, p99, relative to 1 chunk + 5 ms"),
    START("start", false, gate(2000, 2000), null, "ms", "worker without a model: start until hello"),
    MEMORY("start", false, gate(90, 90), null, "MB", "worker without a model: resident memory"),
    SCHEMA_ALONE("options", true, gate(0.88, 0.95), goal(0.95), "x", "schema, 1 caller, relative to plain text"),
    SCHEMA_ALL("options", true, gate(0.85, 0.95), goal(0.95), "x", "schema, all of 8, relative to plain text"),
    SCHEMA_ONE("options", true, gate(0.90, 0.95), goal(0.95), "x", "schema, 1 of 8, relative to plain text"),
    STOP_ALONE("options", true, goal(0.97), goal(0.97), "x", "stop strings, 1 caller, relative to plain text"),
    STOP_ALL("options", true, goal(0.97), goal(0.97), "x", "stop strings, all of 8, relative to plain text"),
    TOOLS_ALONE("options", true, goal(0.97), goal(0.97), "x", "tools offered, 1 caller, relative to plain text"),
    TOOLS_ALL("options", true, goal(0.97), goal(0.97), "x", "tools offered, all of 8, relative to plain text");

    final String scenario;
    final boolean atLeast;
    final String unit;
    private final @Nullable Bounds mlx;
    private final @Nullable Bounds hf;
    private final String what;

    /**
     * The limits of a figure.
     *
     * @param gate what fails the run if it is missed, or {@code null}
     * @param goal what is aimed at
     */
    record Bounds(@Nullable Double gate, double goal) {}

    Limit(String scenario, boolean atLeast, @Nullable Bounds mlx, @Nullable Bounds hf, String unit, String what) {
        this.scenario = scenario;
        this.atLeast = atLeast;
        this.mlx = mlx;
        this.hf = hf;
        this.unit = unit;
        this.what = what;
    }

    private static Bounds gate(double gate, double goal) {
        return new Bounds(gate, goal);
    }

    private static Bounds goal(double goal) {
        return new Bounds(null, goal);
    }

    /** Returns the bounds for an engine, or {@code null} if there are none. */
    @Nullable
    Bounds bounds(ProviderKind engine) {
        return engine == ProviderKind.MLX ? mlx : hf;
    }

    /** Returns whether the figure needs an arm that may not be installed. */
    boolean isOptional(ProviderKind engine) {
        return engine == ProviderKind.HF && what.contains("%3$s");
    }

    /** Returns the description for an engine. */
    String what(ProviderKind engine) {
        Baseline names = Baseline.of(engine);
        return String.format(Locale.ROOT, what, names.alone(), names.together(), names.server(), names.arrivals());
    }

    /** Returns whether a measurement meets the bounds for an engine. */
    Verdict judge(Bounds bounds, Interval figure) {
        if (reaches(figure.mid(), bounds.goal)) {
            return Verdict.GOAL;
        }
        if (bounds.gate == null) {
            return Verdict.BELOW_GOAL;
        }
        if (reaches(figure.mid(), bounds.gate)) {
            return Verdict.GATE;
        }
        return reaches(atLeast ? figure.high() : figure.low(), bounds.gate) ? Verdict.UNCLEAR : Verdict.MISSED;
    }

    private boolean reaches(double value, double bound) {
        return atLeast ? value >= bound : value <= bound;
    }

    /** The result of comparing a measurement with its limits. */
    enum Verdict {
        GOAL("goal met"),
        GATE("gate met"),
        UNCLEAR("unclear: the gate lies within the interval"),
        MISSED("GATE MISSED"),
        BELOW_GOAL("goal missed"),
        UNMEASURED("NOT MEASURED");

        final String words;

        Verdict(String words) {
            this.words = words;
        }
    }
}
