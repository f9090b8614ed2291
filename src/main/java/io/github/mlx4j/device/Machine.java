package io.github.mlx4j.device;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.zeroturnaround.exec.MessageLoggers;
import org.zeroturnaround.exec.ProcessExecutor;

/** The source of information about a machine. Tests use their own implementations. */
interface Machine {

    String os();

    String architecture();

    int cores();

    /** Returns the text of a file; empty if it doesn't exist or can't be read. */
    Optional<String> read(String file);

    /** Returns the output of a command, regardless of its exit code; empty if it can't be run or times out. */
    Optional<String> run(Duration patience, String... command);

    /** Finds a program on the PATH or in another of the {@link ProgramFolders}. */
    Optional<Path> find(String program);

    /** The local machine. */
    Machine LOCAL = new Machine() {
        @Override
        public String os() {
            return System.getProperty("os.name");
        }

        @Override
        public String architecture() {
            return System.getProperty("os.arch");
        }

        @Override
        public int cores() {
            return Runtime.getRuntime().availableProcessors();
        }

        @Override
        public Optional<String> read(String file) {
            try {
                return Optional.of(
                        Files.readString(Path.of(file), StandardCharsets.ISO_8859_1)); // every byte sequence is valid
            } catch (IOException none) {
                return Optional.empty();
            }
        }

        @Override
        public Optional<String> run(Duration patience, String... command) {
            try {
                return Optional.of(new ProcessExecutor(command)
                        .redirectErrorStream(false)
                        .readOutput(true)
                        .timeout(patience.toMillis(), TimeUnit.MILLISECONDS)
                        .setMessageLogger(MessageLoggers.NOP)
                        .execute()
                        .outputUTF8());
            } catch (IOException | TimeoutException none) {
                return Optional.empty();
            } catch (InterruptedException interrupt) {
                Thread.currentThread().interrupt();
                return Optional.empty();
            }
        }

        @Override
        public Optional<Path> find(String program) {
            return ProgramFolders.current().find(program);
        }
    };
}
