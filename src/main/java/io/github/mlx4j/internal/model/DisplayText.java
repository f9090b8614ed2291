package io.github.mlx4j.internal.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.IOException;

/** Texts out of a model folder, made fit for a message: they may be long, or have characters that steer a terminal. */
public final class DisplayText {

    private static final int LONGEST = 120;

    private DisplayText() {}

    public static String text(String text) {
        StringBuilder shown = new StringBuilder();
        text.codePoints()
                .limit(LONGEST)
                .map(c -> Character.isISOControl(c) || Character.getType(c) == Character.FORMAT ? '?' : c)
                .forEach(shown::appendCodePoint);
        return shown + (text.codePointCount(0, text.length()) > LONGEST ? "…" : "");
    }

    /** Why something could not be read. */
    public static String reason(IOException error) {
        String message = error instanceof JsonProcessingException json ? json.getOriginalMessage() : error.getMessage();
        return text(message == null ? error.getClass().getSimpleName() : message);
    }
}
