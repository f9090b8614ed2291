package io.github.mlx4j;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.conversion.ConversionConfig;
import io.github.mlx4j.conversion.ModelConverter;
import io.github.mlx4j.device.DeviceManager;
import io.github.mlx4j.device.MemoryManager;
import io.github.mlx4j.training.TrainingSession;
import io.github.mlx4j.training.config.BatchSizing;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ComparisonPageTest {

    private static final List<Class<?>> API = List.of(
            BatchSizing.class,
            ConversionConfig.Builder.class,
            DeviceManager.class,
            LoadReport.class,
            LocalModel.class,
            MemoryManager.class,
            ModelConfig.Builder.class,
            ModelConverter.class,
            ProviderFactory.class,
            TrainingSession.class);

    @Test
    void shouldNameMethodsThatExist() throws IOException {
        String page = Files.readString(Path.of("docs", "comparison.md"));
        String table =
                page.substring(page.indexOf("<!-- ComparisonPageTest"), page.indexOf("<!-- end of counterparts -->"));
        List<String> named = table.lines()
                .filter(line -> line.startsWith("| "))
                .map(line -> line.substring(line.lastIndexOf(" | ")))
                .flatMap(cell ->
                        Pattern.compile("`([\\w.]+\\.\\w+)`").matcher(cell).results())
                .map(found -> found.group(1))
                .toList();
        Set<String> existing = API.stream().flatMap(ComparisonPageTest::methods).collect(Collectors.toSet());

        assertThat(named).hasSizeGreaterThan(15).allMatch(existing::contains);
    }

    private static Stream<String> methods(Class<?> type) {
        String name =
                type.getName().substring(type.getPackageName().length() + 1).replace('$', '.');
        return Arrays.stream(type.getMethods()).map(Method::getName).map(method -> name + "." + method);
    }
}
