package io.github.mlx4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class SettingTest {

    @Test
    void shouldBeDocumentedAsDefined() throws IOException {
        String table = Arrays.stream(Setting.values())
                .map(setting -> "| `%s` | %s | %s |%n"
                        .formatted(
                                setting.name(),
                                setting.defaultText().isEmpty() ? "none" : setting.defaultText(),
                                setting.effect()))
                .collect(Collectors.joining());
        assertThat(Files.readString(Path.of("docs", "configuration.md")))
                .contains("|---|---|---|\n" + table + "<!-- end -->");
    }
}
