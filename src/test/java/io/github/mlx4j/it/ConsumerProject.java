package io.github.mlx4j.it;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.JavaCommand;
import io.github.mlx4j.ProjectVersion;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A Maven project outside this one that gets the built mlx4j from a separate local repository: nothing is installed
 * into the user's repository.
 */
final class ConsumerProject {

    private static final Path PROJECTS = Path.of("src", "test", "resources");
    private static final Path REPOSITORY =
            Path.of("target", "consumer-repository").toAbsolutePath();
    private static final Path LOCK = Path.of("target", "consumer-repository.lock");

    private final Path folder;

    private ConsumerProject(Path folder) {
        this.folder = folder;
    }

    /** The Java project, copied to a folder. */
    static ConsumerProject in(Path folder) throws IOException {
        return copied("consumer", folder);
    }

    /** A project in {@code src/test/resources}, copied to a folder. */
    static ConsumerProject copied(String name, Path folder) throws IOException {
        Path project = PROJECTS.resolve(name);
        try (Stream<Path> files = Files.walk(project)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Path copy = folder.resolve(project.relativize(file).toString());
                Files.createDirectories(copy.getParent());
                Files.copy(file, copy, StandardCopyOption.REPLACE_EXISTING);
            }
        }
        return new ConsumerProject(folder);
    }

    /** With these dependencies, in {@code group:artifact:version} form, instead of its own. */
    ConsumerProject with(List<String> dependencies) throws IOException {
        String elements = dependencies.stream()
                .map(dependency -> dependency.split(":"))
                .map(part ->
                        "<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency>"
                                .formatted(part[0], part[1], part[2]))
                .collect(Collectors.joining());
        Path pom = folder.resolve("pom.xml");
        Files.writeString(
                pom,
                Files.readString(pom)
                        .replaceFirst(
                                "(?s)<dependencies>.*</dependencies>",
                                "<dependencies>" + elements + "</dependencies>"));
        return this;
    }

    /**
     * Builds it, and returns the class path that it runs with: its classes, its dependencies and theirs. One build at a
     * time in all test JVMs, because Maven's local repository is not made for concurrent writes.
     */
    String build() throws Exception {
        try (FileChannel channel = FileChannel.open(LOCK, CREATE, WRITE)) {
            channel.lock(); // until the channel is closed
            install();
            return buildAlone();
        }
    }

    private String buildAlone() throws Exception {
        List<String> command = List.of(
                "mvn",
                "-q",
                "-B",
                "-f",
                folder.resolve("pom.xml").toString(),
                "-Dmaven.repo.local=" + REPOSITORY,
                "-Dmlx4j.version=" + ProjectVersion.text(),
                "-Dthis-machine="
                        + Path.of(System.getProperty("localRepository")).toUri(),
                "process-classes");
        Program maven = Program.run(
                Map.of(
                        "JAVA_HOME",
                        System.getProperty("java.home"),
                        "MAVEN_OPTS",
                        String.join(" ", JavaCommand.OPTIONS)),
                command);
        assertThat(maven.exit()).as(maven.out() + maven.err()).isZero();
        return Files.readString(folder.resolve("target/class-path"));
    }

    /** Puts the jar and the pom where {@code mvn install} would. */
    private static void install() throws IOException {
        String version = ProjectVersion.text();
        Path home = Files.createDirectories(REPOSITORY.resolve("io/github/mlx4j/mlx4j/" + version));
        String name = "mlx4j-" + version;
        replace(Path.of("target", name + ".jar"), home.resolve(name + ".jar"));
        replace(Path.of("pom.xml"), home.resolve(name + ".pom"));
    }

    /** Only with other content, because a program of another test may be reading it. */
    private static void replace(Path source, Path target) throws IOException {
        if (!Files.exists(target) || Files.mismatch(source, target) >= 0) {
            Files.copy(source, target, StandardCopyOption.REPLACE_EXISTING);
        }
    }
}
