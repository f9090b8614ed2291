package io.github.mlx4j.answer;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Bounds a value of an {@link AnswerType}: the characters (code points) of a {@code String}, also as a map's key, the
 * elements of a {@code List} or {@code Set}, the entries of a {@code Map}. Put it on the type that it bounds, as in
 * {@code @Size(max = 5) List<@Size(max = 80) String> steps}. In Kotlin it can also be on a property, its field or its
 * getter. Without a {@link #max()}, a small model may go on until its tokens are used up.
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

    /** The least; 0 by default. */
    int min() default 0;

    /** The most; no limit by default. */
    int max() default Integer.MAX_VALUE;
}
