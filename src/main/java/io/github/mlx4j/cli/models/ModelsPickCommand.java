package io.github.mlx4j.cli.models;

import io.github.mlx4j.cli.output.ByteSize;
import io.github.mlx4j.cli.output.ExitCode;
import io.github.mlx4j.device.ByteText;
import io.github.mlx4j.device.DeviceManager;
import io.github.mlx4j.device.MemoryManager;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.model.registry.ModelPick;
import io.github.mlx4j.provider.ModelRole;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code mlx4j models pick}: the best model of a role that fits into memory, and why the others don't. */
@Command(
        name = "pick",
        description = {
            "Pick the model for a role: the one with the most parameters whose weights and KV cache fit into memory.",
            "Ties are broken by the longer context, then by id."
        },
        mixinStandardHelpOptions = true,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:a model fits", "1:no model fits"})
final class ModelsPickCommand implements Callable<Integer> {

    @Option(
            names = "--role",
            paramLabel = "ROLE",
            description = "router, decomposer, enhancer, tester, reranker or general (default: ${DEFAULT-VALUE}).",
            defaultValue = "general")
    private ModelRole role;

    @Option(
            names = "--memory",
            paramLabel = "SIZE",
            converter = ByteSize.class,
            description =
                    "Memory for the model, such as 16GB or 900MB (default: the available memory minus a reserve of one"
                            + " eighth of the total memory, at most 8 GB).")
    private @Nullable Long memory;

    @Option(
            names = "--context",
            paramLabel = "TOKENS",
            description = "Number of prompt and answer tokens that must fit (default: ${DEFAULT-VALUE}).")
    private int context = ModelsCommand.TOKENS;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        if (context < 1) {
            throw new CommandLine.ParameterException(spec.commandLine(), "--context must be 1 or more");
        }
        ModelPick pick = ModelsCommand.registry().pick(role, memory != null ? memory : budget(), context);
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(ModelJson.text(asJson(pick)));
        } else {
            print(pick, out);
        }
        return pick.best().isPresent() ? 0 : ExitCode.FAILED;
    }

    private static long budget() {
        return new MemoryManager(new DeviceManager())
                .availableBytes()
                .orElseThrow(() -> new ConfigurationException(
                        "The available memory is unknown.", "Specify an amount with --memory."));
    }

    private static void print(ModelPick pick, PrintWriter out) {
        out.printf(
                "%s: %s%n",
                pick.role().id(), pick.best().map(best -> best.model().id()).orElse("no model in the registry fits"));
        out.printf(
                "  the largest model that fits into %s with %,d tokens of context%n%n",
                ByteText.text(pick.availableBytes()), pick.tokens());
        for (ModelPick.Candidate one : pick.candidates()) {
            out.printf("%s: %s%n", one.model().id(), verdict(pick, one));
            out.printf("  %s%n", one.memory().explain());
        }
    }

    private static String verdict(ModelPick pick, ModelPick.Candidate one) {
        if (!one.fits()) {
            return "does not fit: " + one.whyNot();
        }
        return pick.best().filter(one::equals).isPresent() ? "picked" : "fits, but ranks below the picked model";
    }

    private static Map<String, Object> asJson(ModelPick pick) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("role", pick.role().id());
        json.put("availableBytes", pick.availableBytes());
        json.put("tokens", pick.tokens());
        json.put("picked", pick.best().map(best -> best.model().id()).orElse(null));
        List<Map<String, Object>> candidates = pick.candidates().stream()
                .map(one -> {
                    Map<String, Object> candidate = new LinkedHashMap<>();
                    candidate.put("id", one.model().id());
                    candidate.put("parameters", one.model().parameters());
                    candidate.put("fits", one.fits());
                    candidate.put("whyNot", one.whyNot());
                    candidate.put("bytes", one.memory().bytes());
                    candidate.put("explanation", one.memory().explain());
                    return candidate;
                })
                .toList();
        json.put("candidates", candidates);
        return json;
    }
}
