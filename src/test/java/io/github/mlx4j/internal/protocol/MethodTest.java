package io.github.mlx4j.internal.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

/** Compares the methods with the golden list, which pytest compares with the workers' dispatch. */
class MethodTest {

    private static final Path GOLDEN = Path.of("src", "test", "resources", "protocol", "methods.json");

    @Test
    void shouldBeTheMethodsThatWorkersServe() throws IOException {
        JsonNode golden = new JsonMapper().readTree(GOLDEN.toFile());

        assertThat(ids(true)).containsExactlyInAnyOrderElementsOf(texts(golden.path("engine")));
        assertThat(ids(false)).containsExactlyInAnyOrderElementsOf(texts(golden.path("noEngine")));
    }

    private static List<String> ids(boolean engine) {
        return Arrays.stream(Method.values())
                .filter(method -> method.usesEngine() == engine)
                .map(Method::id)
                .toList();
    }

    private static List<String> texts(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .map(JsonNode::textValue)
                .toList();
    }
}
