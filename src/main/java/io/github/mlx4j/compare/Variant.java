package io.github.mlx4j.compare;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** The two models of a comparison, in the order in which they run. */
public enum Variant {
    /** The model before training. */
    BASE,
    /** The model after training. */
    TRAINED;

    /** Returns the name in files and reports: {@code base} or {@code trained}. */
    @JsonValue
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
