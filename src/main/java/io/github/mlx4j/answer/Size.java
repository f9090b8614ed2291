package io.github.mlx4j.answer;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Limits the size of a value in an {@link AnswerType}: the number of characters (code points) of a {@code String},
 * including map keys, the number of elements of a {@code List} or {@code Set}, or the number of entries of a
 * {@code Map}. Put it on the type that it limits, as in {@code @Size(max = 5) List<@Size(max = 80) String> steps}. In
 * Kotlin, it can also be placed on a property, its field or its getter. Without a {@link #max()}, a small model may
 * keep generating until it reaches the token limit.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target({
    ElementType.TYPE_USE,
    ElementType.FIELD,
    ElementType.METHOD,
    ElementType.PARAMETER,
    ElementType.RECORD_COMPONENT
})
public @interface Size {

    /** The minimum size. Default: 0. */
    int min() default 0;

    /** The maximum size. Default: no limit. */
    int max() default Integer.MAX_VALUE;
}
