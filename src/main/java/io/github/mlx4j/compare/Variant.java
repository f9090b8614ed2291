package io.github.mlx4j.compare;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** The two models of a comparison, in the order in which they run. */
public enum Variant {
    /** What was there before. */
    BASE,
    /** What training made of it. */
    TRAINED;

    /** As files and reports write it: {@code base}, {@code trained}. */
    @JsonValue
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
