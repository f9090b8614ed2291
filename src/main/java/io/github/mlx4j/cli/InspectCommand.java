package io.github.mlx4j.cli;

import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.device.Bytes;
import io.github.mlx4j.device.DeviceManager;
import io.github.mlx4j.device.MemoryManager;
import io.github.mlx4j.model.BaseModel;
import io.github.mlx4j.model.KvCache;
import io.github.mlx4j.model.MemoryEstimate;
import io.github.mlx4j.model.ModelInspection;
import io.github.mlx4j.model.ModelInspector;
import io.github.mlx4j.model.Problem;
import io.github.mlx4j.model.Quantization;
import io.github.mlx4j.model.Verdict;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mlx4j inspect}: what is in a model folder, what it takes in memory, and who would load it. */
@Command(
        name = "inspect",
        description = "Says what is in a model folder, what it takes in memory, who would load it, and why others not.",
        mixinStandardHelpOptions = true,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:a worker would load it", "1:none would; the message says why"})
final class InspectCommand implements Callable<Integer> {

    @Parameters(paramLabel = "DIR", description = "The folder; nothing in it is run or changed.")
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @Option(names = "--allow-pickles", description = "Counts pickled experts and routers of DyLoRA-MoE as loadable.")
    private boolean allowPickles;

    @Option(names = "--json", description = "Prints one JSON object.")
    private boolean json;

    @CommandLine.Spec
    @SuppressWarnings("NullAway.Init")
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        ModelInspection model = ModelInspector.inspect(folder, allowPickles);
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(JsonMapper.builder()
                    .enable(SerializationFeature.INDENT_OUTPUT)
                    .build()
                    .writeValueAsString(asJson(model, new DeviceManager())));
        } else {
            print(model, new DeviceManager(), out);
        }
        if (model.loadable()) {
            return 0;
        }
        Problem first = model.problems().get(0);
        spec.commandLine().getErr().printf("mlx4j: %s: %s What to do: %s%n", first.code(), first.what(), first.fix());
        return Main.FAILED;
    }

    static Map<String, Object> asJson(ModelInspection model, DeviceManager device) {
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
        json.put(
                "verdicts",
                model.verdicts().stream().map(InspectCommand::verdict).toList());
        json.put(
                "problems",
                model.problems().stream().map(InspectCommand::problem).toList());
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
        one.put("loads", verdict.loads());
        one.put("reason", verdict.reason());
        one.put("fix", verdict.fix());
        return one;
    }

    private static Map<String, Object> problem(Problem problem) {
        Map<String, Object> one = new LinkedHashMap<>();
        one.put("code", problem.code());
        one.put(
                "blocks",
                problem.blocks().stream().map(worker -> worker.id()).sorted().toList());
        one.put("what", problem.what());
        one.put("fix", problem.fix());
        return one;
    }

    private static void print(ModelInspection model, DeviceManager device, PrintWriter out) {
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
        line(out, "embeddings", model.tiedEmbeddings() ? "the output takes the input's" : null);
        line(
                out,
                "tokenizer",
                (model.tokenizer() ? "yes" : "none")
                        + (model.chatTemplate() ? ", with a chat template" : ", without a chat template"));
        if (model.tensors() > 0) {
            printMemory(model, device, out);
        }
        for (Verdict verdict : model.verdicts()) {
            String heading = "%n%s would %s it: %s%n";
            out.printf(heading, verdict.provider().id(), verdict.loads() ? "load" : "not load", verdict.reason());
            if (!verdict.loads()) {
                out.printf("  what to do   %s%n", verdict.fix());
            }
        }
        List<String> more = new ArrayList<>(model.problems().stream()
                .map(problem -> problem.what() + " " + problem.fix())
                .toList());
        model.verdicts().forEach(verdict -> more.remove(verdict.reason() + " " + verdict.fix()));
        if (!more.isEmpty()) {
            out.printf("%nmore that is wrong:%n");
            more.forEach(one -> out.printf("  %s%n", one));
        }
    }

    private static void printMemory(ModelInspection model, DeviceManager device, PrintWriter out) {
        MemoryEstimate full = MemoryEstimate.fullContext(model);
        ModelInspection whole = model.whole().orElse(model);
        KvCache cache = whole.kvCache();
        out.printf("%nmemory%n");
        line(out, "weights", "%s, the bytes of the tensors".formatted(Bytes.text(model.weightBytes())));
        line(
                out,
                "KV cache",
                cache == null
                        ? "not known: " + whole.kvCacheNote()
                        : "%,d bytes a token = %s%s"
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
                        ? "what is available can't be told"
                        : "%s available now, so it %s; beside a reserve of %s it %s"
                                .formatted(
                                        Bytes.text(now.getAsLong()),
                                        fits(full, now.getAsLong()),
                                        Bytes.text(manager.reservedBytes()),
                                        fits(full, beside.getAsLong())));
    }

    private static String fits(MemoryEstimate estimate, long bytes) {
        return estimate.fits(bytes).map(fits -> fits ? "fits" : "does not fit").orElse("may fit");
    }

    private static String weights(ModelInspection model) {
        return "%s in %,d tensors: %s"
                .formatted(
                        Bytes.text(model.weightBytes()),
                        model.tensors(),
                        model.dtypes().entrySet().stream()
                                .map(entry -> entry.getKey() + " " + Bytes.text(entry.getValue()))
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
