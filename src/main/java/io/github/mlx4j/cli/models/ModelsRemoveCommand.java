package io.github.mlx4j.cli.models;

import io.github.mlx4j.cli.output.ExitCode;
import io.github.mlx4j.device.ByteText;
import io.github.mlx4j.error.ModelNotFoundException;
import io.github.mlx4j.hub.ModelHub;
import io.github.mlx4j.model.registry.HubCache;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mlx4j models rm}: removes a model from the Hugging Face cache. */
@Command(
        name = "rm",
        description = "Remove all revisions of a model from the Hugging Face cache, which other programs share.",
        mixinStandardHelpOptions = true)
final class ModelsRemoveCommand implements Callable<Integer> {

    @Parameters(paramLabel = "ID", description = "Hub id, or an alias in the registry.")
    private String id;

    @Option(names = "--yes", description = "Don't ask for confirmation.")
    private boolean yes;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    private final InputStream in;

    /** Creates the command; called by picocli. */
    ModelsRemoveCommand() {
        this(System.in);
    }

    ModelsRemoveCommand(InputStream in) {
        this.in = in;
    }

    @Override
    public Integer call() throws Exception {
        String model = ModelsCommand.registry().resolve(id);
        HubCache cache = ModelsCommand.cache();
        if (cache.state(model) == HubCache.State.ABSENT) {
            throw new ModelNotFoundException(
                    "%s is not in the Hugging Face cache (%s).".formatted(model, cache.folder()),
                    "Run `mlx4j models list` to see which models are cached.");
        }
        if (!yes && !agreed(model, cache.bytes(model))) {
            spec.commandLine().getErr().println("nothing was removed");
            return ExitCode.FAILED;
        }
        try (ModelHub hub = ModelsCommand.hub()) {
            spec.commandLine().getOut().printf("%s: freed %s%n", model, ByteText.text(hub.remove(model)));
        }
        return 0;
    }

    private boolean agreed(String model, long bytes) throws IOException {
        spec.commandLine()
                .getErr()
                .printf("Remove %s (%s) from the Hugging Face cache? [y/N] ", model, ByteText.text(bytes));
        spec.commandLine().getErr().flush();
        String answer = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8)).readLine();
        return answer != null && Set.of("y", "yes").contains(answer.strip().toLowerCase(Locale.ROOT));
    }
}
