package io.github.mlx4j.cli.generate;

import io.github.mlx4j.cli.output.Json;
import io.github.mlx4j.task.Task;
import java.util.Map;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Options shared by the commands that work on a task. */
final class TaskOptions {

    @Parameters(paramLabel = "TITLE", converter = TextArgument.class, description = "Title of the task, in one line.")
    private String title;

    @Option(
            names = "--description",
            converter = TextArgument.class,
            paramLabel = "TEXT",
            description = "Description of the task; - reads standard input.")
    private String description = "";

    @Option(names = "--json", description = "Print one JSON object.")
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
