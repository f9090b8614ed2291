package io.github.mlx4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Checks that the promises in the documentation name the tests that verify them, and that these tests exist. */
class PromisesTest {

    private static final Pattern TEST = Pattern.compile("`([A-Z][A-Za-z0-9]+(?:Test|IT|Contract)|test_\\w+\\.py)`");

    @ParameterizedTest
    @CsvSource({".github/SECURITY.md, tested by", "docs/operations.md, test"})
    void shouldNameATestInEachRowOfATableThatHasAColumnForTests(Path page, String column) throws IOException {
        List<String> rows = rowsOf(page, column);

        assertThat(rows).hasSizeGreaterThan(15).allSatisfy(row -> {
            String[] cells = row.split(" \\| ");
            assertThat(namesIn(cells[cells.length - 1])).as(row).isNotEmpty();
        });
    }

    @Test
    void shouldNameOnlyTestsThatExist() throws IOException {
        Set<String> files;
        try (Stream<Path> all =
                Stream.of(Path.of("src", "test", "java"), Path.of("python")).flatMap(PromisesTest::walk)) {
            files = all.map(file -> file.getFileName().toString()).collect(Collectors.toSet());
        }
        Set<String> named = new TreeSet<>();
        for (String page : List.of(".github/SECURITY.md", "docs/operations.md")) {
            named.addAll(namesIn(Files.readString(Path.of(page))));
        }

        assertThat(named)
                .hasSizeGreaterThan(30)
                .allMatch(name -> files.contains(name) || files.contains(name + ".java"));
    }

    /** The rows of the tables whose last column has this title. */
    private static List<String> rowsOf(Path page, String column) throws IOException {
        boolean[] inTable = {false};
        return Files.readAllLines(page).stream()
                .filter(line -> {
                    if (!line.startsWith("|")) {
                        inTable[0] = false;
                    } else if (line.endsWith("| " + column + " |")) {
                        inTable[0] = true;
                        return false;
                    }
                    return inTable[0] && !line.startsWith("|---");
                })
                .toList();
    }

    private static Set<String> namesIn(String text) {
        return TEST.matcher(text).results().map(name -> name.group(1)).collect(Collectors.toSet());
    }

    private static Stream<Path> walk(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile).toList().stream();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
