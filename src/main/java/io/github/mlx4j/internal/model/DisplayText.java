package io.github.mlx4j.internal.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.IOException;

/** Prepares text from a model folder for a message: it may be long, or contain terminal control characters. */
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

    /** Returns why something could not be read. */
    public static String reason(IOException error) {
        String message = error instanceof JsonProcessingException json ? json.getOriginalMessage() : error.getMessage();
        return text(message == null ? error.getClass().getSimpleName() : message);
    }
}
