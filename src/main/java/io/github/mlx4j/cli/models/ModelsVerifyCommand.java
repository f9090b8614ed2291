package io.github.mlx4j.cli.models;

import io.github.mlx4j.cli.output.ExitCode;
import io.github.mlx4j.device.ByteText;
import io.github.mlx4j.error.ModelNotFoundException;
import io.github.mlx4j.hub.ModelHub;
import io.github.mlx4j.model.registry.HubFacts;
import io.github.mlx4j.model.registry.ModelRegistry;
import io.github.mlx4j.model.registry.RegisteredModel;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mlx4j models verify}: checks the registry against the hub. */
@Command(
        name = "verify",
        description = {
            "Check the registry against the hub: whether its models exist and their details are correct.",
            "Only each model's config.json is downloaded, and it is not kept."
        },
        mixinStandardHelpOptions = true,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:the registry is correct", "1:it differs from the hub, or the hub could not be reached"})
final class ModelsVerifyCommand implements Callable<Integer> {

    @Parameters(paramLabel = "ID", arity = "0..*", description = "Model ids or aliases in the registry (default: all).")
    private List<String> ids = List.of();

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    private record Finding(String id, @Nullable HubFacts hub, List<String> differences) {}

    @Override
    public Integer call() throws Exception {
        List<RegisteredModel> models = models(ModelsCommand.registry());
        List<Finding> findings = new ArrayList<>();
        PrintWriter out = spec.commandLine().getOut();
        try (ModelHub hub = ModelsCommand.hub()) {
            for (RegisteredModel model : models) {
                Finding finding = ask(hub, model);
                findings.add(finding);
                if (!json) {
                    print(finding, out);
                }
            }
        }
        if (json) {
            out.println(ModelJson.text(
                    "models", findings.stream().map(ModelsVerifyCommand::asJson).toList()));
        }
        return findings.stream().allMatch(finding -> finding.differences().isEmpty()) ? 0 : ExitCode.FAILED;
    }

    private List<RegisteredModel> models(ModelRegistry registry) {
        if (ids.isEmpty()) {
            return registry.models();
        }
        return ids.stream()
                .map(id -> registry.find(id)
                        .orElseThrow(() -> new ModelNotFoundException(
                                id + " is not in the registry.", "Run `mlx4j models list` to see the registry.")))
                .toList();
    }

    private static Finding ask(ModelHub hub, RegisteredModel model) {
        try {
            HubFacts facts = hub.describe(model.id(), null);
            return new Finding(model.id(), facts, facts.differences(model));
        } catch (ModelNotFoundException refused) {
            return new Finding(model.id(), null, List.of(refused.reason()));
        }
    }

    private static void print(Finding finding, PrintWriter out) {
        HubFacts hub = finding.hub();
        out.printf(
                "%s: %s%n",
                finding.id(),
                hub == null
                        ? "not available"
                        : "revision %s, %s%s"
                                .formatted(
                                        hub.revision(),
                                        ByteText.text(hub.bytes()),
                                        hub.gated() ? ", gated: accept its terms first" : ""));
        finding.differences().forEach(difference -> out.printf("  %s%n", difference));
        if (hub != null && finding.differences().isEmpty()) {
            out.println("  matches the registry");
        }
    }

    private static Map<String, Object> asJson(Finding finding) {
        HubFacts hub = finding.hub();
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("id", finding.id());
        json.put("found", hub != null);
        json.put("revision", hub == null ? null : hub.revision());
        json.put("bytes", hub == null ? null : hub.bytes());
        json.put("weightBytes", hub == null ? null : hub.weightBytes());
        json.put("licence", hub == null ? null : hub.licence());
        json.put("gated", hub == null ? null : hub.gated());
        json.put("differences", finding.differences());
        return json;
    }
}
