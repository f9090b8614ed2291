package io.github.mlx4j.cli.models;

import io.github.mlx4j.cli.output.Json;
import io.github.mlx4j.cli.output.PhaseProgress;
import io.github.mlx4j.conversion.ConversionListener;
import io.github.mlx4j.conversion.ConversionReport;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.function.Function;
import picocli.CommandLine;

/** Output of {@code convert} and {@code fuse}, as text or JSON. */
final class ConversionOutput {

    /** Description of {@code --verify-with}. */
    static final String VERIFY_WITH =
            "Compare with transformers: auto (default) if it can load the source, hf always, none never.";

    private static final int SHOWN = 10;

    private ConversionOutput() {}

    /** Runs a conversion and shows its progress on standard error. */
    static ConversionReport watched(CommandLine line, Function<ConversionListener, ConversionReport> conversion) {
        PhaseProgress progress = new PhaseProgress(line.getErr(), CommandLine.Help.Ansi.AUTO.enabled());
        try {
            return conversion.apply(progress);
        } finally {
            progress.end();
        }
    }

    static void print(PrintWriter out, ConversionReport report, boolean json) {
        if (json) {
            json(out, report);
        } else {
            text(out, report);
        }
    }

    private static void json(PrintWriter out, ConversionReport report) {
        out.println(Json.text(report));
    }

    private static void text(PrintWriter out, ConversionReport report) {
        ConversionReport.Proof proof = report.verification();
        out.printf(
                Locale.ROOT,
                "%s  %s, %.2f bits a weight, %.1f MB (its source %.1f MB)%n",
                report.folder(),
                report.dtype(),
                report.bitsPerWeight(),
                report.bytes() / 1e6,
                report.sourceBytes() / 1e6);
        report.unquantized().stream()
                .limit(SHOWN)
                .forEach(layer -> out.printf("not quantized  %s: %s%n", layer.name(), layer.reason()));
        if (report.unquantized().size() > SHOWN) {
            out.printf(
                    "not quantized  %d more layers; --json lists all%n",
                    report.unquantized().size() - SHOWN);
        }
        out.printf("weights  %d tensors read back, all as intended%n", report.tensors());
        out.printf(
                Locale.ROOT,
                "logits   max difference %.2e (%.2e of their range), mean divergence %.2e nats; the most probable token"
                        + " agrees at %d of %d positions%n",
                proof.maxDifference(),
                proof.relativeDifference(),
                proof.meanDivergence(),
                proof.argmaxAgreed(),
                proof.positions());
        out.printf(
                "greedy   %d of %d tokens match the source, on %d prompts%n",
                proof.greedyAgreed(), proof.greedyTokens(), proof.prompts());
        out.printf(
                Locale.ROOT,
                "passed   %s may be at most %.2e%n",
                proof.bound().of(),
                proof.bound().most());
        ConversionReport.Transformers hf = proof.transformers();
        if (hf == null) {
            out.printf("hf       not compared with transformers: %s%n", proof.notCompared());
        } else {
            out.printf(
                    Locale.ROOT,
                    "hf       transformers in %s: max difference %.2e (%.2e of their range), mean divergence %.2e nats;"
                            + " the most probable token agrees at %d of %d positions%n",
                    hf.dtype(),
                    hf.maxDifference(),
                    hf.relativeDifference(),
                    hf.meanDivergence(),
                    hf.argmaxAgreed(),
                    hf.positions());
        }
        report.warnings().forEach(warning -> out.printf("warning  %s%n", warning));
    }
}
