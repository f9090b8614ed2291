package io.github.mlx4j.cli.generate;

import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.task.Enhancement;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code mlx4j enhance}: rewrites a task and adds acceptance criteria. */
@Command(
        name = "enhance",
        description = "Rewrite a task more clearly and list its acceptance criteria.",
        mixinStandardHelpOptions = true)
public final class EnhanceCommand implements Callable<Integer> {

    @Mixin
    private final TaskOptions task = new TaskOptions();

    @Mixin
    private final ProviderOptions provider = new ProviderOptions();

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        try (ProviderFactory providers = provider.factory()) {
            Enhancement enhancement = providers.createEnhancementAdapter().enhance(task.task());
            if (task.json()) {
                out.println(TaskOptions.asJson(asJson(enhancement)));
            } else {
                out.println(enhancement.content());
                enhancement.acceptanceCriteria().forEach(criterion -> out.println("- " + criterion));
            }
        }
        return 0;
    }

    private static Map<String, Object> asJson(Enhancement enhancement) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("enhancementId", enhancement.enhancementId());
        json.put("taskId", enhancement.taskId());
        json.put("timestamp", enhancement.timestamp().toString());
        json.put("enhancementType", enhancement.enhancementType());
        json.put("content", enhancement.content());
        json.put("acceptanceCriteria", enhancement.acceptanceCriteria());
        return json;
    }
}
