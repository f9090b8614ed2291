package io.github.mlx4j.cli.environment;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.device.ProgramFolders;
import io.github.mlx4j.environment.Interpreters;
import io.github.mlx4j.environment.Platform;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mlx4j setup}: creates the workers' Python environments. */
@Command(
        name = "setup",
        description = "Create the Python environments of the workers under MLX4J_HOME, from locked requirements.",
        mixinStandardHelpOptions = true)
public final class SetupCommand implements Callable<Integer> {

    enum What {
        MLX,
        HF,
        ALL
    }

    @Parameters(
            arity = "0..1",
            paramLabel = "mlx|hf|all",
            description = "Environment to create (default: ${DEFAULT-VALUE}).")
    private What what = What.MLX;

    @Option(names = "--force", description = "Recreate the environment even if it is complete.")
    private boolean force;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() {
        Map<String, String> settings = ProviderConfig.environment();
        String python = settings.getOrDefault("PYTHON_PATH", "");
        Interpreters interpreters = new Interpreters(
                python.isBlank() ? null : python,
                "PYTHON_PATH",
                ProviderConfig.fromEnv(settings).home(),
                ProgramFolders.current());
        Environments environments = new Environments(
                Platform.current(),
                interpreters,
                System.getenv(),
                spec.commandLine().getErr()::println);
        List<ProviderKind> kinds = switch (what) {
            case MLX -> List.of(ProviderKind.MLX);
            case HF -> List.of(ProviderKind.HF);
            case ALL -> List.of(ProviderKind.MLX, ProviderKind.HF);
        };
        for (ProviderKind kind : kinds) {
            spec.commandLine().getOut().println(environments.make(kind, force));
        }
        return 0;
    }
}
