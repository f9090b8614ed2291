package io.github.mlx4j.cli;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.adapter.MemoryNeed;
import io.github.mlx4j.adapter.ModelHub;
import io.github.mlx4j.model.HubCache;
import io.github.mlx4j.model.ModelRegistry;
import io.github.mlx4j.model.RegisteredModel;
import io.github.mlx4j.port.ModelRole;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** {@code mlx4j models}: what models there are, which one fits, and the hub's cache. */
@Command(
        name = "models",
        description = "Lists models, picks one that fits this machine, fetches and removes them.",
        mixinStandardHelpOptions = true,
        subcommands = {
            ModelsListCommand.class,
            ModelsShowCommand.class,
            ModelsPickCommand.class,
            ModelsPullCommand.class,
            ModelsRemoveCommand.class,
            ModelsVerifyCommand.class
        })
final class ModelsCommand implements Runnable {

    /** Tokens of prompt and answer for which memory is told, where nothing else is asked for. */
    static final int TOKENS = MemoryNeed.TOKENS;

    @CommandLine.Spec
    @SuppressWarnings("NullAway.Init")
    private CommandLine.Model.CommandSpec spec;

    @Override
    public void run() {
        Main.usage(spec.commandLine(), spec.commandLine().getOut());
    }

    static ModelRegistry registry() {
        return ModelRegistry.open(ProviderConfig.fromEnv().home());
    }

    static HubCache cache() {
        return HubCache.of(System.getenv());
    }

    /** A hub for one command. */
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
