package io.github.mlx4j.answer;

import io.github.mlx4j.error.InvalidRequestException;
import java.lang.reflect.InaccessibleObjectException;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The declaration of a class that can be an answer or part of one: a Java record or a Kotlin data class. */
interface Declaration {

    /**
     * A component of a record, or a parameter of a data class's primary constructor.
     *
     * @param optional whether an answer may omit it
     * @param absent the value to use if it was omitted; {@code null} can also mean the default value of a Kotlin
     *     parameter
     */
    record Component(
            String name,
            DeclaredType type,
            boolean optional,
            @Nullable Object absent,
            @Nullable Description description) {}

    /** Returns the components in declaration order. */
    List<Component> components();

    /**
     * Creates an instance of the class.
     *
     * @param values one value for each component, in order
     */
    Object make(@Nullable Object[] values) throws ReflectiveOperationException;

    /**
     * Returns the declaration of a class, or {@code null} if it is neither a record nor a data class.
     *
     * @throws InvalidRequestException if Java or Kotlin reflection can't access the class
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
