package io.github.mlx4j;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The version of mlx4j, which is stated only in {@code pom.xml}. */
public final class ProjectVersion {

    private static final Pattern IN_POM = Pattern.compile("<artifactId>mlx4j</artifactId>\\s*<version>(.+?)</version>");

    private ProjectVersion() {}

    /** The version in {@code pom.xml}, such as {@code 1.2.0-SNAPSHOT}. */
    public static String text() throws IOException {
        Matcher pom = IN_POM.matcher(Files.readString(Path.of("pom.xml")));
        if (!pom.find()) {
            throw new IllegalStateException("pom.xml states no version of mlx4j");
        }
        return pom.group(1);
    }
}
