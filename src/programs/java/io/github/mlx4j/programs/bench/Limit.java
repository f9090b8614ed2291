package io.github.mlx4j.programs.bench;

import io.github.mlx4j.report.Interval;

/** The requirements for mlx4j. A missed gate fails the run; a missed target is only reported. */
enum Limit {
    DECODE_1(
            "speed",
            true,
            true,
            0.93,
            "x",
            "decode, 1 caller, short prompts, of in-process stream_generate's tokens/s"),
    TOGETHER_8("speed", true, true, 0.95, "x", "8 callers, short prompts, of in-process BatchGenerator's tokens/s"),
    TOGETHER_16("speed", true, true, 0.95, "x", "16 callers, short prompts, of in-process BatchGenerator's tokens/s"),
    SERVER_1("speed", false, true, 1, "x", "1 caller, of mlx_lm.server's tokens/s"),
    SERVER_4("speed", false, true, 1, "x", "4 callers, of mlx_lm.server's tokens/s"),
    SERVER_8("speed", false, true, 1, "x", "8 callers, of mlx_lm.server's tokens/s"),
    SERVER_16("speed", false, true, 1, "x", "16 callers, of mlx_lm.server's tokens/s"),
    ALONE_8("speed", false, true, 1.4, "x", "8 callers, of its own tokens/s with 1"),
    ALONE_16("speed", false, true, 1.5, "x", "16 callers, of its own tokens/s with 1"),
    ADDED_FIRST("speed", false, false, 1, "ms", "added time to first token, 1 caller, less 1% of the in-process one"),
    SERVER_FIRST("speed", false, false, 1, "x", "time to first token, 1 caller, of mlx_lm.server's"),
    ADDED_P50("latency", false, false, 150, "us", "added latency of a token, 1 caller, p50"),
    ADDED_P99("latency", false, false, 2000, "us", "added latency of a token, 1 caller, p99"),
    SECOND_TURN("turn", true, true, 20, "x", "second turn behind about 1,500 tokens: first token sooner than without"),
    STALL("stall", true, false, 1, "x", "longest stall of a decoder beside a long prefill, of 1 chunk + 1 step + 5 ms"),
    CHUNK("stall", true, false, 300, "ms", "time of that chunk"),
    CANCEL_DECODE("cancel", true, false, 1, "x", "cancel in decode until the end, p99, of 2 steps + 5 ms"),
    CANCEL_PREFILL("cancel", true, false, 1, "x", "cancel in prefill until the end, p99, of 1 chunk + 5 ms"),
    START("start", true, false, 2000, "ms", "worker without a model: start until hello"),
    MEMORY("start", true, false, 90, "MB", "worker without a model: resident memory"),
    CONSTRAINED_ALONE("constrained", true, true, 0.88, "x", "a schema's speed of free text's, alone"),
    CONSTRAINED_ALL("constrained", true, true, 0.85, "x", "a schema's speed of free text's, all of 8"),
    CONSTRAINED_ONE("constrained", true, true, 0.90, "x", "the speed of 8 with one schema, of 8 free ones'");

    final String scenario;
    final boolean gate;
    final boolean atLeast;
    final double value;
    final String unit;
    final String what;

    Limit(String scenario, boolean gate, boolean atLeast, double value, String unit, String what) {
        this.scenario = scenario;
        this.gate = gate;
        this.atLeast = atLeast;
        this.value = value;
        this.unit = unit;
        this.what = what;
    }

    /** Returns whether a measurement meets this limit. */
    Verdict judge(Interval figure) {
        if (atLeast ? figure.mid() >= value : figure.mid() <= value) {
            return Verdict.MET;
        }
        return (atLeast ? figure.high() >= value : figure.low() <= value) ? Verdict.UNCLEAR : Verdict.MISSED;
    }

    /** The result of comparing a measurement with a limit. */
    enum Verdict {
        MET("met"),
        UNCLEAR("missed, but within its interval"),
        MISSED("MISSED"),
        UNMEASURED("NOT MEASURED");

        final String words;

        Verdict(String words) {
            this.words = words;
        }
    }
}
