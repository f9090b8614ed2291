package io.github.mlx4j.answer;

import java.lang.reflect.AnnotatedParameterizedType;
import java.lang.reflect.AnnotatedType;
import java.lang.reflect.ParameterizedType;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A type as declared in Java or Kotlin.
 *
 * @param raw the class, without type arguments; {@code null} for a type variable or a wildcard
 * @param arguments the type arguments; empty for a raw type
 * @param size the bounds from its {@link Size} annotation
 * @param name the name shown in error messages
 */
record DeclaredType(
        @Nullable Class<?> raw,
        List<DeclaredType> arguments,
        @Nullable Bounds size,
        String name) {

    /** The bounds in a {@link Size} annotation. */
    record Bounds(int min, int max) {

        static @Nullable Bounds of(@Nullable Size size) {
            return size == null ? null : new Bounds(size.min(), size.max());
        }
    }

    static DeclaredType of(AnnotatedType annotated) {
        Bounds size = Bounds.of(annotated.getAnnotation(Size.class));
        String name = annotated.getType().getTypeName();
        if (annotated instanceof AnnotatedParameterizedType generic
                && annotated.getType() instanceof ParameterizedType parameterized) {
            List<DeclaredType> arguments = Arrays.stream(generic.getAnnotatedActualTypeArguments())
                    .map(DeclaredType::of)
                    .toList();
            return new DeclaredType((Class<?>) parameterized.getRawType(), arguments, size, name);
        }
        Class<?> raw = annotated.getType() instanceof Class<?> plain ? plain : null;
        return new DeclaredType(raw, List.of(), size, name);
    }
}
