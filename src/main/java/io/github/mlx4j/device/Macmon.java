package io.github.mlx4j.device;

import io.github.mlx4j.error.DependencyMissingException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.zeroturnaround.exec.MessageLoggers;
import org.zeroturnaround.exec.ProcessExecutor;
import org.zeroturnaround.exec.stream.LogOutputStream;

/**
 * Measures the power consumption of Apple silicon with the program macmon, which runs until this sampler is closed and
 * needs no administrator rights.
 */
final class Macmon implements PowerSampler {

    private static final List<String> INHERITED = List.of("HOME", "PATH", "TMPDIR", "LANG");
    private static final Duration END = Duration.ofSeconds(2);

    private final PowerReadings readings = new PowerReadings(System.nanoTime());
    private final Process process;
    private final Duration period;
    private long begun;

    /** Starts macmon, which reports the mean power of each period. */
    Macmon(Path program, Duration period) {
        this.period = period;
        Map<String, String> environment = new HashMap<>();
        System.getenv().forEach((name, value) -> environment.put(name, INHERITED.contains(name) ? value : null));
        try {
            this.process = new ProcessExecutor(program.toString(), "pipe", "-i", Long.toString(period.toMillis()))
                    .environment(environment)
                    .redirectErrorStream(false)
                    .redirectOutput(
                            new LogOutputStream() {
                                @Override
                                protected void processLine(String line) {
                                    readings.accept(line, System.nanoTime());
                                }
                            }.setOutputCharset("UTF-8"))
                    .destroyOnExit()
                    .setMessageLogger(MessageLoggers.NOP)
                    .start()
                    .getProcess();
        } catch (IOException error) {
            throw new DependencyMissingException(
                    program + " can't be run: " + error.getMessage(),
                    "Install it again: `brew install macmon`.",
                    error);
        }
        begin();
    }

    @Override
    public String source() {
        return "macmon (CPU, GPU and neural engine)";
    }

    @Override
    public void begin() {
        begun = System.nanoTime();
    }

    @Override
    public Optional<Energy> end() {
        long ended = System.nanoTime();
        if (process.isAlive()) {
            readings.await(ended, period.multipliedBy(2).plus(END));
        }
        return readings.between(begun, ended);
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(END.toMillis(), TimeUnit.MILLISECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException interrupt) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
