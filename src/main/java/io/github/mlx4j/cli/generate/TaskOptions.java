package io.github.mlx4j.cli.generate;

import io.github.mlx4j.cli.output.Json;
import io.github.mlx4j.task.Task;
import java.util.Map;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What commands about a task have in common. */
final class TaskOptions {

    @Parameters(paramLabel = "TITLE", converter = TextArgument.class, description = "What is to be done, in a line.")
    private String title;

    @Option(
            names = "--description",
            converter = TextArgument.class,
            paramLabel = "TEXT",
            description = "More about the task; - reads the standard input.")
    private String description = "";

    @Option(names = "--json", description = "Prints one JSON object.")
    private boolean json;

    Task task() {
        return new Task(title, description);
    }

    boolean json() {
        return json;
    }

    static String asJson(Map<String, Object> values) {
        return Json.text(values);
    }
}
