package io.github.mlx4j.cli.models;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.cli.output.Terminal;
import io.github.mlx4j.hub.ModelHub;
import io.github.mlx4j.model.registry.HubCache;
import io.github.mlx4j.model.registry.MemoryNeed;
import io.github.mlx4j.model.registry.ModelRegistry;
import io.github.mlx4j.model.registry.RegisteredModel;
import io.github.mlx4j.provider.ModelRole;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** {@code mlx4j models}: the model registry and the Hugging Face cache. */
@Command(
        name = "models",
        description = "List, pick, download, verify and remove models.",
        mixinStandardHelpOptions = true,
        subcommands = {
            ModelsListCommand.class,
            ModelsShowCommand.class,
            ModelsPickCommand.class,
            ModelsPullCommand.class,
            ModelsRemoveCommand.class,
            ModelsVerifyCommand.class
        })
public final class ModelsCommand implements Runnable {

    /** The default number of prompt and answer tokens in memory estimates. */
    static final int TOKENS = MemoryNeed.TOKENS;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public void run() {
        Terminal.usage(spec.commandLine(), spec.commandLine().getOut());
    }

    static ModelRegistry registry() {
        return ModelRegistry.open(ProviderConfig.fromEnv().home());
    }

    static HubCache cache() {
        return HubCache.of(System.getenv());
    }

    /** Creates a hub client for one command. */
    static ModelHub hub() {
        try (ProviderFactory providers = ProviderFactory.fromEnv()) {
            return providers.createModelHub();
        }
    }

    static String quantization(RegisteredModel model) {
        RegisteredModel.Groups groups = model.quantization();
        return groups == null ? model.dtype() : groups.bits() + " bits";
    }

    static String roles(RegisteredModel model) {
        return model.roles().isEmpty()
                ? "-"
                : model.roles().stream().sorted().map(ModelRole::id).collect(Collectors.joining(", "));
    }
}
