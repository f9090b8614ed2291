package io.github.mlx4j;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.JsonSerializer;
import java.io.IOException;
import java.io.InputStream;
import java.lang.annotation.Annotation;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleDescriptor.Opens;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Checks that the metadata for GraalVM's native-image contains every type that Jackson reflects on, and every resource.
 */
class NativeImageMetadataTest {

    private static final String FILE = "META-INF/native-image/io.github.mlx4j/mlx4j/reachability-metadata.json";
    private static final Path CLASSES = Path.of("target", "classes");
    private static final String ROOT = "io/github/mlx4j/";
    private static final String SCRIPTS = ROOT + "python/";

    @Test
    void shouldListAllTypesAndResources() throws Exception {
        String expected = "{\n\"reflection\": [\n%s\n],\n\"resources\": [\n%s\n]\n}\n"
                .formatted(lines(types(), """
                                {"type": "%s", "allDeclaredConstructors": true, "allDeclaredMethods": true, \
                                "allDeclaredFields": true}"""), lines(resources(), "{\"glob\": \"%s\"}"));
        Path made = Path.of("target", "reachability-metadata.json");
        Files.writeString(made, expected);

        assertThat(CLASSES.resolve(FILE))
                .as("copy %s to src/main/resources/%s", made, FILE)
                .hasContent(expected);
    }

    private static String lines(Set<String> names, String form) {
        return names.stream().map(form::formatted).collect(Collectors.joining(",\n"));
    }

    /**
     * Records, enums and classes with annotations of Jackson in the packages that are open to it, and their components.
     */
    private static Set<String> types() throws Exception {
        Set<String> types = new TreeSet<>();
        for (Opens opened : module().opens()) {
            if (opened.targets().contains("com.fasterxml.jackson.databind")) {
                Path folder = CLASSES.resolve(opened.source().replace('.', '/'));
                try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.class")) {
                    for (Path file : files) {
                        String name = file.getFileName().toString().replace(".class", "");
                        ClassLoader loader = NativeImageMetadataTest.class.getClassLoader();
                        add(Class.forName(opened.source() + "." + name, false, loader), types);
                    }
                }
            }
        }
        return types;
    }

    private static ModuleDescriptor module() throws IOException {
        try (InputStream descriptor = Files.newInputStream(CLASSES.resolve("module-info.class"))) {
            return ModuleDescriptor.read(descriptor);
        }
    }

    private static void add(Type type, Set<String> types) {
        if (type instanceof ParameterizedType generic) {
            add(generic.getRawType(), types);
            Arrays.stream(generic.getActualTypeArguments()).forEach(argument -> add(argument, types));
        } else if (type instanceof Class<?> plain
                && plain.getName().startsWith("io.github.mlx4j.")
                && (plain.isRecord() || plain.isSealed() || plain.isEnum() || isForJackson(plain))
                && types.add(plain.getName())) {
            if (plain.isRecord()) {
                for (RecordComponent component : plain.getRecordComponents()) {
                    add(component.getGenericType(), types);
                }
            }
            if (plain.isSealed()) {
                Arrays.stream(plain.getPermittedSubclasses()).forEach(permitted -> add(permitted, types));
            }
        }
    }

    private static boolean isForJackson(Class<?> type) {
        Stream<Annotation> annotations = Stream.concat(
                Arrays.stream(type.getDeclaredAnnotations()),
                Arrays.stream(type.getDeclaredMethods())
                        .flatMap(method -> Arrays.stream(method.getDeclaredAnnotations())));
        return (JsonSerializer.class.isAssignableFrom(type) || JsonDeserializer.class.isAssignableFrom(type))
                        && !type.isAnonymousClass()
                || annotations.anyMatch(
                        annotation -> annotation.annotationType().getName().startsWith("com.fasterxml.jackson"));
    }

    private static Set<String> resources() throws IOException {
        try (Stream<Path> files = Files.walk(CLASSES.resolve(ROOT))) {
            return files.filter(Files::isRegularFile)
                    .map(file -> CLASSES.relativize(file).toString().replace('\\', '/'))
                    .filter(name -> !name.endsWith(".class"))
                    .map(name -> name.startsWith(SCRIPTS) ? SCRIPTS + "**" : name)
                    .collect(Collectors.toCollection(TreeSet::new));
        }
    }
}
