package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.JavaCommand;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tests a Kotlin project with mlx4j, including the program in docs/kotlin.md. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class KotlinIT {

    private static final Path PAGE = Path.of("docs", "kotlin.md");
    private static final Pattern PROGRAM = Pattern.compile("(?s)```kotlin\n(.*?)```");

    private static String classPath = "";

    @BeforeAll
    static void buildTheProject(@TempDir Path folder) throws Exception {
        ConsumerProject project = ConsumerProject.copied("kotlin", folder);
        Files.writeString(folder.resolve("src/main/kotlin/Page.kt"), programOfThePage());
        classPath = project.build();
    }

    private static String programOfThePage() throws IOException {
        Matcher program = PROGRAM.matcher(Files.readString(PAGE));
        assertThat(program.find()).isTrue();
        return program.group(1);
    }

    @Test
    void shouldRunTheProgramOfThePage() throws Exception {
        Program run = run(classPath, "PageKt");

        assertThat(run.exit()).as(run.err()).isZero();
        assertThat(run.out())
                .matches("(?s).+\n(- -?\\d+ (GRAM|PIECE) .+\n){1,5}oven: (off|-?\\d+)\n"
                        + Pattern.quote(Fixture.known("Why is the sky blue?").text()) + "\n");
    }

    @Test
    void shouldReadDataClassesAsTheirSourceDeclaresThem() throws Exception {
        Program run = run(classPath, "consumer.TypesKt");

        assertThat(run.exit()).as(run.err()).isZero();
        String person = "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"}},\"required\":[\"name\"],"
                + "\"additionalProperties\":false,\"description\":\"a person\"}";
        String ticket = "{\"type\":\"object\",\"properties\":{"
                + "\"title\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":80,\"description\":\"one line\"},"
                + "\"field\":{\"type\":\"string\",\"maxLength\":9},"
                + "\"getter\":{\"type\":\"string\",\"maxLength\":8},"
                + "\"labels\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":20}},"
                + "\"owners\":{\"type\":\"array\",\"items\":" + person + ",\"maxItems\":3},"
                + "\"hours\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"number\"}},"
                + "\"due\":{\"type\":\"string\",\"format\":\"date\"},"
                + "\"note\":{\"type\":\"string\"},"
                + "\"points\":{\"type\":\"integer\",\"minimum\":-2147483648,\"maximum\":2147483647},"
                + "\"priority\":{\"type\":\"string\",\"enum\":[\"LOW\",\"HIGH\"]},"
                + "\"parent\":{\"$ref\":\"#/$defs/Ticket\"}},"
                + "\"required\":[\"title\",\"field\",\"getter\",\"labels\",\"owners\",\"hours\",\"due\"],"
                + "\"additionalProperties\":false";
        assertThat(run.out().lines())
                .containsExactly(
                        ticket + ",\"$defs\":{\"Ticket\":" + ticket + "}}}",
                        "{\"type\":\"object\",\"properties\":{"
                                + "\"item\":{\"type\":\"string\",\"maxLength\":30,\"description\":\"what to buy\"},"
                                + "\"count\":{\"type\":\"integer\",\"minimum\":-2147483648,\"maximum\":2147483647},"
                                + "\"shop\":{\"type\":\"string\"}},"
                                + "\"required\":[\"item\",\"count\"],\"additionalProperties\":false}",
                        "Ticket(title=t, field=f, getter=g, labels=[x], owners=[Person(name=Ada)], hours={mon=1.5}, "
                                + "due=2027-01-31, note=null, points=3, priority=LOW, parent=null)",
                        "Line(item=flour, count=2, shop=null)",
                        "Lines(lines=[Line(item=flour, count=2, shop=mill)])",
                        "Guarded(count=1)",
                        "The answer can't be read as Guarded: count must be positive.",
                        "The answer can't be read as Line: count: it is missing.",
                        "Plain can't be used as an answer type: consumer.Plain is neither a record nor a Kotlin data"
                                + " class.",
                        "Holder can't be used as an answer type: plain (consumer.Plain) is not supported.",
                        "Box can't be used as an answer type: consumer.Box has type parameters.",
                        "Endless can't be used as an answer type: next (consumer.Endless) is infinitely"
                                + " recursive.");
    }

    @Test
    void shouldNameTheMissingJarWhenThereIsNoKotlinReflect() throws Exception {
        String without = Arrays.stream(classPath.split(File.pathSeparator))
                .filter(entry -> !entry.contains("kotlin-reflect"))
                .collect(Collectors.joining(File.pathSeparator));

        Program run = run(without, "PageKt");

        assertThat(run.exit()).isEqualTo(1);
        assertThat(run.err())
                .contains(
                        "Recipe can't be part of an answer: it is a Kotlin class, and kotlin-reflect is not on the class"
                                + " path. What to do: Add org.jetbrains.kotlin:kotlin-reflect");
    }

    @Test
    void shouldNameTheVersionThatItIsTestedWith() throws IOException {
        Pattern version = Pattern.compile("<kotlin.version>(.+)</kotlin.version>");
        Matcher ours = version.matcher(Files.readString(Path.of("pom.xml")));
        assertThat(ours.find()).isTrue();

        assertThat(Files.readString(Path.of("src", "test", "resources", "kotlin", "pom.xml")))
                .contains(ours.group());
        assertThat(Files.readString(PAGE)).contains("Tested with Kotlin " + ours.group(1) + ",");
    }

    private static Program run(String classPath, String program) throws Exception {
        return Program.run(
                Program.ENVIRONMENT,
                JavaCommand.of("-Dstdout.encoding=UTF-8", "-Dfile.encoding=UTF-8", "-cp", classPath, program));
    }
}
