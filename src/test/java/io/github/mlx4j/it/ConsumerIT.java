package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A program in a project of its own, with mlx4j as its one dependency. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class ConsumerIT {

    @Test
    void shouldAnswerWithWhatIsNeededAndNothingOptional(@TempDir Path folder) throws Exception {
        String classPath = ConsumerProject.in(folder).build();
        Fixture.Known known = Fixture.known("Who are you?");

        Program run = Program.run(
                Program.ENVIRONMENT, List.of(Program.java(), "-cp", classPath, "consumer.Main", known.question()));

        assertThat(run.exit()).as(run.err()).isZero();
        assertThat(run.out()).isEqualTo(known.text() + System.lineSeparator());
        assertThat(Arrays.stream(classPath.split(File.pathSeparator))
                        .map(entry -> Path.of(entry).getFileName().toString())
                        .filter(entry -> entry.endsWith(".jar"))
                        .sorted())
                .isEqualTo(Files.readAllLines(folder.resolve("jars.txt")));
    }
}
