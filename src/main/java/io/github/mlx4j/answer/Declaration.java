package io.github.mlx4j.answer;

import io.github.mlx4j.error.InvalidRequestException;
import java.lang.reflect.InaccessibleObjectException;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How a class that can be (part of) an answer is declared: as a Java record, or as a Kotlin data class. */
interface Declaration {

    /**
     * A component of a record, or a parameter of a data class's primary constructor.
     *
     * @param optional whether an answer may leave it out
     * @param absent the value of one that was left out; null also stands for the default value of a Kotlin parameter
     */
    record Component(
            String name,
            DeclaredType type,
            boolean optional,
            @Nullable Object absent,
            @Nullable Description description) {}

    /** In the order of the declaration. */
    List<Component> components();

    /**
     * An instance of the class.
     *
     * @param values one for each component, in their order
     */
    Object make(@Nullable Object[] values) throws ReflectiveOperationException;

    /**
     * The declaration of a class, or null if it is neither a record nor a data class.
     *
     * @throws InvalidRequestException if Java's or Kotlin's reflection can't use the class from here
     */
    static @Nullable Declaration of(Class<?> type) {
        boolean kotlin = Arrays.stream(type.getDeclaredAnnotations())
                .anyMatch(annotation -> annotation.annotationType().getName().equals("kotlin.Metadata"));
        try {
            if (kotlin) {
                return KotlinDeclaration.of(type);
            }
            return type.isRecord() ? new RecordDeclaration(type) : null;
        } catch (NoClassDefFoundError missing) {
            throw new InvalidRequestException(
                    "%s can't be part of an answer: it is a Kotlin class, and kotlin-reflect is not on the class path."
                            .formatted(type.getName()),
                    "Add org.jetbrains.kotlin:kotlin-reflect in the version of your Kotlin compiler.",
                    missing);
        } catch (InaccessibleObjectException closed) {
            throw new InvalidRequestException(
                    "%s can't be part of an answer: its module does not open its package.".formatted(type.getName()),
                    "Add `opens %s to io.github.mlx4j%s;` to its module-info.java."
                            .formatted(type.getPackageName(), kotlin ? ", kotlin.reflect" : ""),
                    closed);
        }
    }
}
