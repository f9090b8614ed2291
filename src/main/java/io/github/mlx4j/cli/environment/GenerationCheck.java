package io.github.mlx4j.cli.environment;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.cli.generate.OpenModel;
import io.github.mlx4j.cli.generate.WorkerKind;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.environment.Installation;
import io.github.mlx4j.environment.InstallationCheck;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import java.io.IOException;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.zeroturnaround.exec.MessageLoggers;
import org.zeroturnaround.exec.ProcessExecutor;
import org.zeroturnaround.exec.stream.LogOutputStream;

/** The optional steps of {@code verify-install}. */
final class GenerationCheck {

    private static final int TOKENS = 10;

    private GenerationCheck() {}

    /** Returns a step that loads a model in a worker and generates some tokens. */
    static Installation.Step generating(String model, WorkerKind worker, ProviderConfig from, Installation before) {
        String name = "generate with " + model;
        boolean able = before.steps().stream()
                .allMatch(step -> step.status() == Installation.Status.PASSED
                        || step.name().equals(InstallationCheck.NO_CUDA));
        if (!able) {
            return Installation.Step.notRun(name);
        }
        ProviderConfig config =
                OpenModel.config(new OpenModel.Source("model", model, worker, LoadConfig.DEFAULT), from);
        long begun = System.nanoTime();
        try (ProviderFactory providers = ProviderFactory.create(config)) {
            boolean chat = providers.createAnalysisAdapter().details().chat();
            GenerationRequest request =
                    chat ? GenerationRequest.chat("Count to ten.") : GenerationRequest.raw("One, two, three,");
            GenerationResult answer = providers
                    .createTextGenerationAdapter()
                    .generate(
                            request.toBuilder().temperature(0).maxTokens(TOKENS).build());
            String detail = "%d tokens on the %s"
                    .formatted(
                            answer.usage().completionTokens(), answer.backend().device());
            return Installation.Step.passed(name, ms(begun), detail);
        } catch (Mlx4jException error) {
            return Installation.Step.failed(name, ms(begun), error.code() + ": " + error.reason(), error.hint());
        }
    }

    /** Returns a step that runs the user's command in the user's environment, without a time limit. */
    static Installation.Step running(String command, Consumer<String> output) {
        String name = "run " + command;
        long begun = System.nanoTime();
        try {
            int exit = new ProcessExecutor("sh", "-c", command)
                    .redirectErrorStream(true)
                    .redirectOutput(
                            new LogOutputStream() {
                                @Override
                                protected void processLine(String line) {
                                    output.accept(line);
                                }
                            }.setOutputCharset("UTF-8"))
                    .destroyOnExit()
                    .setMessageLogger(MessageLoggers.NOP)
                    .execute()
                    .getExitValue();
            return exit == 0
                    ? Installation.Step.passed(name, ms(begun), "exit code 0")
                    : Installation.Step.failed(name, ms(begun), "exit code " + exit, "See its output.");
        } catch (IOException error) {
            return Installation.Step.failed(
                    name, ms(begun), "it can't be started: " + error.getMessage(), "Make sure that sh is on the PATH.");
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            return Installation.Step.failed(name, ms(begun), "it was interrupted", "Run it again.");
        } catch (TimeoutException never) {
            throw new IllegalStateException(never);
        }
    }

    private static double ms(long begun) {
        return (System.nanoTime() - begun) / 1e6;
    }
}
