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

/** {@code mlx4j models pull}: downloads a model in advance. */
@Command(
        name = "pull",
        description = {
            "Download a model into the Hugging Face cache, resuming an interrupted download.",
            "Fails without downloading anything if the disk has too little space."
        },
        mixinStandardHelpOptions = true)
final class ModelsPullCommand implements Callable<Integer> {

    @Parameters(paramLabel = "ID", description = "Hub id, or an alias in the registry.")
    private String id;

    @Option(names = "--revision", paramLabel = "NAME", description = "Branch, tag or commit (default: main).")
    private @Nullable String revision;

    @Option(
            names = "--stall",
            paramLabel = "SECONDS",
            description = "Give up after this many seconds without data (default: ${DEFAULT-VALUE}).")
    private int stall = (int) ModelHub.DEFAULT_STALL.toSeconds();

    @Option(names = "--json", description = "Print one JSON object.")
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
            progress.progressed(
                    fetched.bytes(), fetched.bytes()); // the worker's last progress event may have been dropped
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
