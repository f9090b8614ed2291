package io.github.mlx4j.cli.generate;

import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.task.Subtask;
import io.github.mlx4j.task.Task;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code mlx4j decompose}: the subtasks of a task, in an order that respects their dependencies. */
@Command(name = "decompose", description = "Split a task into 3 to 5 subtasks.", mixinStandardHelpOptions = true)
public final class DecomposeCommand implements Callable<Integer> {

    @Mixin
    private final TaskOptions options = new TaskOptions();

    @Mixin
    private final ProviderOptions provider = new ProviderOptions();

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        try (ProviderFactory providers = provider.factory()) {
            Task task = options.task();
            List<Subtask> subtasks = providers.createTaskDecompositionAdapter().decompose(task);
            if (options.json()) {
                out.println(TaskOptions.asJson(asJson(task, subtasks)));
            } else {
                List<String> ids = subtasks.stream().map(Subtask::id).toList();
                for (Subtask subtask : subtasks) {
                    String after = subtask.dependsOn().stream()
                            .map(id -> String.valueOf(ids.indexOf(id) + 1))
                            .collect(Collectors.joining(", "));
                    out.printf(
                            "%d. %s%s%n",
                            ids.indexOf(subtask.id()) + 1,
                            subtask.title(),
                            after.isEmpty() ? "" : " (after " + after + ")");
                }
            }
        }
        return 0;
    }

    private static Map<String, Object> asJson(Task task, List<Subtask> subtasks) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("taskId", task.id());
        json.put("title", task.title());
        json.put(
                "subtasks",
                subtasks.stream()
                        .map(subtask -> {
                            Map<String, Object> one = new LinkedHashMap<>();
                            one.put("id", subtask.id());
                            one.put("title", subtask.title());
                            one.put("dependsOn", subtask.dependsOn());
                            return one;
                        })
                        .toList());
        return json;
    }
}
