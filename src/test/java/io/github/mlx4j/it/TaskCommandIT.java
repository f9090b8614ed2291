package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.networknt.schema.Error;
import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import io.github.mlx4j.JavaCommand;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Checks the JSON output of the task commands against the schemas that docs/tasks.md refers to. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class TaskCommandIT {

    @ParameterizedTest
    @ValueSource(strings = {"enhance", "decompose"})
    void shouldPrintJsonOfItsSchema(String command) throws Exception {
        Program run = Program.run(
                Program.ENVIRONMENT,
                JavaCommand.of(
                        "-jar",
                        CliIT.jar(),
                        command,
                        "Launch the spring newsletter",
                        "--description",
                        "To all subscribers, by March 20",
                        "--json"));

        assertThat(run.exit()).as(run.err()).isZero();
        assertThat(faults(command, run.out())).as(run.out()).isEmpty();
        assertThat(faults(command, run.out().replaceFirst("\"taskId\"", "\"task\"")))
                .isNotEmpty();
    }

    private static List<Error> faults(String command, String json) throws IOException {
        Schema schema = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                .getSchema(Files.readString(Path.of("docs", "schemas", command + ".schema.json")), InputFormat.JSON);
        return schema.validate(
                json,
                InputFormat.JSON,
                context -> context.executionConfig(config -> config.formatAssertionsEnabled(true)));
    }
}
