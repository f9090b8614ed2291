package io.github.mlx4j.cli;

import io.github.mlx4j.cli.environment.DoctorCommand;
import io.github.mlx4j.cli.environment.SetupCommand;
import io.github.mlx4j.cli.environment.VerifyInstallCommand;
import io.github.mlx4j.cli.generate.DecomposeCommand;
import io.github.mlx4j.cli.generate.EmbedCommand;
import io.github.mlx4j.cli.generate.EnhanceCommand;
import io.github.mlx4j.cli.generate.GenerateCommand;
import io.github.mlx4j.cli.generate.RerankCommand;
import io.github.mlx4j.cli.generate.TokensCommand;
import io.github.mlx4j.cli.models.ConvertCommand;
import io.github.mlx4j.cli.models.FuseCommand;
import io.github.mlx4j.cli.models.InspectCommand;
import io.github.mlx4j.cli.models.ModelsCommand;
import io.github.mlx4j.cli.models.VerifyCommand;
import io.github.mlx4j.cli.output.ExitCode;
import io.github.mlx4j.cli.output.OptionNames;
import io.github.mlx4j.cli.output.Terminal;
import io.github.mlx4j.cli.output.Version;
import io.github.mlx4j.cli.training.BenchCommand;
import io.github.mlx4j.cli.training.CompareCommand;
import io.github.mlx4j.cli.training.EvaluateCommand;
import io.github.mlx4j.cli.training.TrainCommand;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.PythonTraceback;
import io.github.mlx4j.internal.files.FileFault;
import io.github.mlx4j.internal.files.UserPath;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command line. Exit codes: 0 success, 1 failure, 2 invalid usage, 3 no provider available. */
@Command(
        name = "mlx4j",
        description =
                "Run local language models: generate text, compute embeddings, rerank documents, and inspect, download,"
                        + " compare, convert and train models.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        subcommands = {
            GenerateCommand.class,
            EnhanceCommand.class,
            DecomposeCommand.class,
            EmbedCommand.class,
            RerankCommand.class,
            TokensCommand.class,
            InspectCommand.class,
            ModelsCommand.class,
            VerifyCommand.class,
            CompareCommand.class,
            ConvertCommand.class,
            FuseCommand.class,
            TrainCommand.class,
            EvaluateCommand.class,
            DoctorCommand.class,
            SetupCommand.class,
            VerifyInstallCommand.class,
            BenchCommand.class
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:success",
            "1:failed; the message says why",
            "2:invalid usage, such as an unknown option or a value out of range",
            "3:no provider is available"
        })
public final class Main implements Runnable {

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @CommandLine.Option(
            names = {"-v", "--verbose"},
            scope = CommandLine.ScopeType.INHERIT,
            description =
                    "Print the stack trace of an error (Python's if a worker failed). -vv also prints the log of mlx4j"
                            + " and its workers.")
    private boolean[] verbose = {};

    /** Creates the command; called by picocli. */
    public Main() {}

    /** Runs a command and exits with its code. */
    public static void main(String[] args) {
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
        PrintStream err = new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8);
        System.setOut(out);
        System.setErr(err);
        System.exit(commandLine(
                        new PrintWriter(out, true, StandardCharsets.UTF_8),
                        new PrintWriter(err, true, StandardCharsets.UTF_8))
                .execute(args));
    }

    public static CommandLine commandLine(PrintWriter out, PrintWriter err) {
        return new CommandLine(new Main())
                .setOut(Terminal.of(out))
                .setErr(Terminal.of(err))
                .setExecutionStrategy(Main::execute)
                .setParameterExceptionHandler(Main::wrongUsage)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExpandAtFiles(false) // a prompt may start with @
                .registerConverter(Path.class, Main::path)
                .setExecutionExceptionHandler((error, command, parsed) -> {
                    Mlx4jException known = known(error);
                    if (known == null) {
                        throw error;
                    }
                    command.getErr().println("mlx4j: " + known.code() + ": " + message(known, command));
                    for (Throwable other : known.getSuppressed()) {
                        command.getErr().println("  and: " + message(other, command));
                    }
                    if (verbosity(command) > 0) {
                        printOrigins(known, command.getErr());
                    }
                    return ExitCode.of(known);
                });
    }

    /** Returns an error's message in the user's terms: option names, or the fields of a configuration file. */
    private static String message(Throwable error, CommandLine command) {
        String message = String.valueOf(error.getMessage());
        boolean hasFile =
                command.getParseResult() != null && command.getParseResult().hasMatchedOption("--config");
        return hasFile ? message : new OptionNames(command.getCommandSpec()).in(message);
    }

    /**
     * Returns the error to show in one line: an {@link Mlx4jException}, possibly converted from a file error, or
     * {@code null} for any other error.
     */
    private static @Nullable Mlx4jException known(Exception error) {
        if (error instanceof Mlx4jException ours) {
            return ours;
        }
        Throwable cause = error instanceof UncheckedIOException unchecked ? unchecked.getCause() : error;
        if (cause instanceof FileSystemException file) {
            return new ConfigurationException(
                    FileFault.of(file) + ".", "Check the path, its permissions and the disk.", file);
        }
        return cause instanceof InvalidPathException path
                ? new ConfigurationException(
                        "'%s' is not a valid path: %s.".formatted(path.getInput(), UserPath.why(path)),
                        UserPath.fix(path),
                        path)
                : null;
    }

    private static Path path(String text) {
        try {
            return UserPath.of(text);
        } catch (ConfigurationException invalid) {
            throw new CommandLine.TypeConversionException(invalid.getMessage());
        }
    }

    private static int verbosity(CommandLine command) {
        return command.getCommandSpec().root().userObject() instanceof Main main ? main.verbose.length : 0;
    }

    /** Prints the Python tracebacks of an error and its causes, or the Java stack trace if there are none. */
    private static void printOrigins(Mlx4jException error, PrintWriter to) {
        List<String> tracebacks = Stream.concat(Stream.of(error), Stream.of(error.getSuppressed()))
                .flatMap(one -> Stream.iterate(one, Objects::nonNull, Throwable::getCause))
                .filter(PythonTraceback.class::isInstance)
                .map(Throwable::getMessage)
                .toList();
        tracebacks.forEach(to::println);
        if (tracebacks.isEmpty()) {
            error.printStackTrace(to);
        }
    }

    /** Runs a command, or prints its help with picocli's own styles. */
    private static int execute(CommandLine.ParseResult parsed) {
        if (verbosity(parsed.commandSpec().commandLine()) > 1) {
            System.setProperty(
                    "org.slf4j.simpleLogger.log.io.github.mlx4j", "debug"); // before the first logger is created
        }
        for (CommandLine command : parsed.asCommandLineList()) {
            if (command.isUsageHelpRequested()) {
                Terminal.usage(command, command.getOut());
                return command.getCommandSpec().exitCodeOnUsageHelp();
            }
            for (CommandLine.Model.PositionalParamSpec argument :
                    command.getCommandSpec().positionalParameters()) {
                if (argument.stringValues().contains("")) {
                    throw new CommandLine.ParameterException(command, argument.paramLabel() + " is empty");
                }
            }
        }
        return new CommandLine.RunLast().execute(parsed);
    }

    private static int wrongUsage(CommandLine.ParameterException wrong, String[] arguments) {
        CommandLine command = wrong.getCommandLine();
        command.getErr().println(wrong.getMessage());
        if (!CommandLine.UnmatchedArgumentException.printSuggestions(wrong, command.getErr())) {
            Terminal.usage(command, command.getErr());
        }
        return command.getCommandSpec().exitCodeOnInvalidInput();
    }

    @Override
    public void run() {
        Terminal.usage(spec.commandLine(), spec.commandLine().getOut());
    }
}
