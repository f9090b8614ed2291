package io.github.mlx4j.cli.models;

import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.adapter.Verdict;
import io.github.mlx4j.cli.output.ExitCode;
import io.github.mlx4j.cli.output.Json;
import io.github.mlx4j.cli.output.OptionNames;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.device.ByteText;
import io.github.mlx4j.device.DeviceManager;
import io.github.mlx4j.device.MemoryManager;
import io.github.mlx4j.model.BaseModel;
import io.github.mlx4j.model.KvCache;
import io.github.mlx4j.model.ModelInspection;
import io.github.mlx4j.model.ModelInspector;
import io.github.mlx4j.model.Problem;
import io.github.mlx4j.model.Quantization;
import io.github.mlx4j.model.registry.MemoryEstimate;
import io.github.mlx4j.port.EmbeddingDetails;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.function.BiFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mlx4j inspect}: inspects a model folder: format, memory footprint, and which workers can load it. */
@Command(
        name = "inspect",
        description =
                "Inspect a model folder: format, memory footprint, and which workers load it. Each installed worker runs its own"
                        + " loader on the folder, without reading the weights.",
        mixinStandardHelpOptions = true,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:a worker can load it; with --files-only: no problems in its files",
            "1:no worker can load it; the message says why",
            "3:no worker is installed to check it, and its files have no problems"
        })
public final class InspectCommand implements Callable<Integer> {

    @Parameters(paramLabel = "DIR", description = "Model folder. Nothing in it is executed or changed.")
    private Path folder;

    @Option(names = "--allow-pickles", description = "Allow pickled experts and routers of DyLoRA-MoE.")
    private boolean allowPickles;

    @Option(names = "--files-only", description = "Only read the files; don't start workers.")
    private boolean filesOnly;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    private final BiFunction<ModelInspection, LoadConfig, List<Verdict>> judge;

    /** Creates the command; called by picocli. */
    InspectCommand() {
        this((model, options) -> {
            try (ProviderFactory providers = ProviderFactory.fromEnv()) {
                return providers.createLoadCheck().check(model, options);
            }
        });
    }

    InspectCommand(BiFunction<ModelInspection, LoadConfig, List<Verdict>> judge) {
        this.judge = judge;
    }

    @Override
    public Integer call() throws Exception {
        ModelInspection model = ModelInspector.inspect(folder, allowPickles);
        List<Verdict> verdicts = filesOnly
                ? List.of()
                : judge.apply(
                        model, LoadConfig.builder().allowPickles(allowPickles).build());
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(Json.text(asJson(model, verdicts, new DeviceManager())));
        } else {
            print(model, verdicts, new DeviceManager(), out);
        }
        return exitCode(model, verdicts);
    }

    private int exitCode(ModelInspection model, List<Verdict> verdicts) {
        if (verdicts.stream().anyMatch(Verdict::loads)) {
            return 0;
        }
        List<Problem> against = new ArrayList<>(verdicts.stream()
                .filter(verdict -> verdict.outcome() == Verdict.Outcome.REFUSED)
                .map(verdict -> new Problem(verdict.code(), verdict.reason(), verdict.fix()))
                .toList());
        against.addAll(model.problems());
        if (!against.isEmpty()) {
            say(against.get(0));
            return ExitCode.FAILED;
        }
        if (verdicts.isEmpty()) {
            return 0;
        }
        say(new Problem(
                "NO_PROVIDER_AVAILABLE",
                "No worker could check the model. " + verdicts.get(0).reason(),
                verdicts.get(0).fix()));
        return ExitCode.NOTHING_AVAILABLE;
    }

    private void say(Problem first) {
        String hint = first.fix().isEmpty() ? "" : " What to do: " + first.fix();
        spec.commandLine().getErr().printf("mlx4j: %s: %s%s%n", first.code(), first.what(), hint);
    }

    static Map<String, Object> asJson(ModelInspection model, List<Verdict> verdicts, DeviceManager device) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("folder", model.folder().toString());
        json.put("format", model.format().id());
        json.put("modelType", model.modelType());
        BaseModel base = model.base();
        json.put("baseModel", base == null ? null : base.name());
        json.put("baseModelFoundIn", base == null ? null : base.foundIn());
        json.put("metadata", model.metadata());
        json.put("dtype", model.dtype().orElse(null));
        json.put("dtypes", model.dtypes());
        json.put("quantization", model.quantization());
        json.put("architecture", model.architecture());
        json.put("parameters", model.parameters());
        json.put("contextLength", model.contextLength());
        json.put("tensors", model.tensors());
        json.put("tiedEmbeddings", model.tiedEmbeddings());
        json.put("tokenizer", model.tokenizer());
        json.put("chatTemplate", model.chatTemplate());
        json.put("memory", memory(model, device));
        json.put("verdicts", verdicts.stream().map(InspectCommand::verdict).toList());
        json.put("problems", model.problems());
        return json;
    }

    private static Map<String, Object> memory(ModelInspection model, DeviceManager device) {
        MemoryEstimate full = MemoryEstimate.fullContext(model);
        ModelInspection whole = model.whole().orElse(model);
        KvCache cache = whole.kvCache();
        OptionalLong now = device.availableMemory();
        MemoryManager manager = new MemoryManager(device);
        OptionalLong beside = manager.availableBytes();
        Map<String, Object> memory = new LinkedHashMap<>();
        memory.put("weightBytes", model.weightBytes());
        memory.put("kvBytesPerToken", cache == null ? null : cache.bytesPerToken());
        memory.put("kvNote", whole.kvCacheNote());
        memory.put("fullContextBytes", full.bytes());
        memory.put("complete", full.complete());
        memory.put("explanation", full.explain());
        memory.put("availableBytes", now.isPresent() ? now.getAsLong() : null);
        memory.put("fitsNow", now.isPresent() ? full.fits(now.getAsLong()).orElse(null) : null);
        memory.put("reservedBytes", manager.reservedBytes());
        memory.put(
                "fitsBesideReserve",
                beside.isPresent() ? full.fits(beside.getAsLong()).orElse(null) : null);
        return memory;
    }

    private static Map<String, Object> verdict(Verdict verdict) {
        Map<String, Object> one = new LinkedHashMap<>();
        one.put("provider", verdict.provider().id());
        one.put("verdict", verdict.outcome().id());
        one.put("code", verdict.code());
        one.put("reason", verdict.reason());
        one.put("fix", verdict.fix());
        one.put("pooling", verdict.embeddings().map(EmbeddingDetails::summary).orElse(null));
        one.put("dimensions", dimensions(verdict));
        one.put("reranks", verdict.loads() ? verdict.reranks() : null);
        one.put("warnings", verdict.warnings());
        return one;
    }

    private void print(ModelInspection model, List<Verdict> verdicts, DeviceManager device, PrintWriter out) {
        out.printf("%s (%s)%n", model.format().label(), model.format().id());
        line(out, "folder", model.folder());
        line(out, "model type", model.modelType());
        BaseModel base = model.base();
        line(out, "base model", base == null ? null : "%s (%s)".formatted(base.name(), base.foundIn()));
        model.metadata().forEach((name, value) -> line(out, name, value));
        line(out, "weights", model.tensors() == 0 ? null : weights(model));
        line(out, "quantized", model.quantization() == null ? null : quantization(model.quantization()));
        line(out, "parameters", model.parameters() == null ? null : "%,d".formatted(model.parameters()));
        line(out, "context", model.contextLength() == null ? null : "%,d tokens".formatted(model.contextLength()));
        line(out, "embeddings", model.tiedEmbeddings() ? "tied: output and input share them" : null);
        line(
                out,
                "tokenizer",
                (model.tokenizer() ? "yes" : "none")
                        + (model.chatTemplate() ? ", with a chat template" : ", without a chat template"));
        if (model.tensors() > 0) {
            printMemory(model, device, out);
        }
        OptionNames names = new OptionNames(spec);
        verdicts.forEach(verdict -> print(verdict, names, out));
        List<String> reasons = verdicts.stream().map(Verdict::reason).toList();
        List<Problem> others = model.problems().stream()
                .filter(problem -> !reasons.contains(problem.what()))
                .toList();
        if (!others.isEmpty()) {
            out.printf("%nproblems in its files%n");
            others.forEach(problem -> out.printf("  %s%n", (problem.what() + " " + problem.fix()).strip()));
        }
    }

    private static void print(Verdict verdict, OptionNames names, PrintWriter out) {
        String heading = switch (verdict.outcome()) {
            case LOADS -> "%n%s loads it: %s%n";
            case REFUSED -> "%n%s does not load it: %s%n";
            case NOT_JUDGED -> "%n%s did not check it: %s%n";
        };
        out.printf(heading, verdict.provider().id(), names.in(verdict.reason()));
        line(out, "what to do", verdict.fix().isEmpty() ? null : names.in(verdict.fix()));
        if (verdict.loads()) {
            line(out, "embeds", verdict.embeddings().map(how -> embeds(how)).orElse("no"));
            line(out, "reranks", verdict.reranks() ? "yes" : "no");
        }
        verdict.warnings().forEach(warning -> line(out, "warning", warning));
    }

    private static String embeds(EmbeddingDetails how) {
        return how.summary()
                + (how.dimensions().isPresent()
                        ? ", %,d dimensions".formatted(how.dimensions().getAsInt())
                        : "");
    }

    private static @Nullable Integer dimensions(Verdict verdict) {
        OptionalInt found =
                verdict.embeddings().map(EmbeddingDetails::dimensions).orElseGet(OptionalInt::empty);
        return found.isPresent() ? found.getAsInt() : null;
    }

    private static void printMemory(ModelInspection model, DeviceManager device, PrintWriter out) {
        MemoryEstimate full = MemoryEstimate.fullContext(model);
        ModelInspection whole = model.whole().orElse(model);
        KvCache cache = whole.kvCache();
        out.printf("%nmemory%n");
        line(out, "weights", "%s, the bytes of the tensors".formatted(ByteText.text(model.weightBytes())));
        line(
                out,
                "KV cache",
                cache == null || cache.isNone()
                        ? (cache == null ? "unknown: " : "none: ") + whole.kvCacheNote()
                        : "%,d bytes per token = %s%s"
                                .formatted(
                                        cache.bytesPerToken(),
                                        cache.explanation(),
                                        whole.kvCacheNote().isEmpty() ? "" : "; " + whole.kvCacheNote()));
        line(out, "full context", full.explain());
        OptionalLong now = device.availableMemory();
        MemoryManager manager = new MemoryManager(device);
        OptionalLong beside = manager.availableBytes();
        line(
                out,
                "this machine",
                now.isEmpty() || beside.isEmpty()
                        ? "the available memory is unknown"
                        : "%s available now, so it %s; with a reserve of %s it %s"
                                .formatted(
                                        ByteText.text(now.getAsLong()),
                                        fits(full, now.getAsLong()),
                                        ByteText.text(manager.reservedBytes()),
                                        fits(full, beside.getAsLong())));
    }

    private static String fits(MemoryEstimate estimate, long bytes) {
        return estimate.fits(bytes).map(fits -> fits ? "fits" : "does not fit").orElse("may fit");
    }

    private static String weights(ModelInspection model) {
        return "%s in %,d tensors: %s"
                .formatted(
                        ByteText.text(model.weightBytes()),
                        model.tensors(),
                        model.dtypes().entrySet().stream()
                                .map(entry -> entry.getKey() + " " + ByteText.text(entry.getValue()))
                                .collect(Collectors.joining(", ")));
    }

    private static String quantization(Quantization how) {
        return how.method()
                + (how.bits() == null ? "" : ", %d bits".formatted(how.bits()))
                + (how.groupSize() == null ? "" : ", groups of %d".formatted(how.groupSize()))
                + (how.mode() == null ? "" : ", " + how.mode());
    }

    private static void line(PrintWriter out, String name, @Nullable Object value) {
        if (value != null) {
            out.printf("  %-12s %s%n", name, value);
        }
    }
}
