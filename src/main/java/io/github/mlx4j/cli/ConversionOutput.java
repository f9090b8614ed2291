package io.github.mlx4j.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.training.ConversionListener;
import io.github.mlx4j.training.ConversionReport;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.function.Function;
import picocli.CommandLine;

/** What {@code convert} and {@code fuse} show, as text or as JSON. */
final class ConversionOutput {

    private static final int SHOWN = 10;

    private ConversionOutput() {}

    /** Runs a conversion with its progress on the standard error. */
    static ConversionReport watched(CommandLine line, Function<ConversionListener, ConversionReport> conversion) {
        PhaseProgress progress = new PhaseProgress(line.getErr(), CommandLine.Help.Ansi.AUTO.enabled());
        try {
            return conversion.apply(progress);
        } finally {
            progress.end();
        }
    }

    static void json(PrintWriter out, Object report) throws JsonProcessingException {
        out.println(JsonMapper.builder()
                .enable(SerializationFeature.INDENT_OUTPUT)
                .build()
                .writeValueAsString(report));
    }

    static void text(PrintWriter out, ConversionReport report) {
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
                    "not quantized  %d layers more; --json has all%n",
                    report.unquantized().size() - SHOWN);
        }
        out.printf("weights  %d tensors read again, each as it was to be written%n", report.tensors());
        out.printf(
                Locale.ROOT,
                "logits   max difference %.2e, mean %.2e, mean divergence %.2e nats; the likeliest token agrees at %d"
                        + " of %d places%n",
                proof.maxDifference(),
                proof.meanDifference(),
                proof.meanDivergence(),
                proof.argmaxAgreed(),
                proof.positions());
        out.printf(
                "greedy   %d of %d tokens as the source, on %d prompts%n",
                proof.greedyAgreed(), proof.greedyTokens(), proof.prompts());
        report.warnings().forEach(warning -> out.printf("warning  %s%n", warning));
    }
}
