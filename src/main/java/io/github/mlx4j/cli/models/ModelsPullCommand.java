package io.github.mlx4j.cli.models;

import io.github.mlx4j.cli.output.ByteProgress;
import io.github.mlx4j.device.ByteText;
import io.github.mlx4j.hub.DownloadedModel;
import io.github.mlx4j.hub.ModelHub;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mlx4j models pull}: downloads a model ahead. */
@Command(
        name = "pull",
        description = {
            "Downloads a model into the hub's cache; one that was begun goes on where it ended.",
            "Nothing is downloaded where the disk has no room for it."
        },
        mixinStandardHelpOptions = true)
final class ModelsPullCommand implements Callable<Integer> {

    @Parameters(paramLabel = "ID", description = "The id of a model of the hub, or an alias in the registry.")
    private String id;

    @Option(names = "--revision", paramLabel = "NAME", description = "A branch, tag or commit; default: main.")
    private @Nullable String revision;

    @Option(
            names = "--stall",
            paramLabel = "SECONDS",
            description = "Gives up when no byte came for so long; default ${DEFAULT-VALUE}.")
    private int stall = (int) ModelHub.DEFAULT_STALL.toSeconds();

    @Option(names = "--json", description = "Prints one JSON object.")
    private boolean json;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        if (stall < 1) {
            throw new CommandLine.ParameterException(spec.commandLine(), "--stall must be 1 or more");
        }
        String model = ModelsCommand.registry().resolve(id);
        ByteProgress progress =
                new ByteProgress(spec.commandLine().getErr(), CommandLine.Help.Ansi.AUTO.enabled(), model);
        DownloadedModel fetched;
        try (ModelHub hub = ModelsCommand.hub()) {
            fetched = hub.fetch(model, revision, Duration.ofSeconds(stall), progress);
            progress.progressed(fetched.bytes(), fetched.bytes()); // the worker's own last word may have been left out
        } finally {
            progress.end();
        }
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("id", model);
            fields.put("revision", fetched.revision());
            fields.put("folder", fetched.folder().toString());
            fields.put("bytes", fetched.bytes());
            out.println(ModelJson.text(fields));
        } else {
            out.printf("%s: %s, revision %s%n", model, ByteText.text(fetched.bytes()), fetched.revision());
            out.println(fetched.folder());
        }
        return 0;
    }
}
