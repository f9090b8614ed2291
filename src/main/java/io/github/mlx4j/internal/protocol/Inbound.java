package io.github.mlx4j.internal.protocol;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A line from a worker. */
public sealed interface Inbound {

    /**
     * A successful response to a call.
     *
     * @param id the call's ID
     * @param result its result
     */
    record Answer(String id, JsonNode result) implements Inbound {}

    /**
     * An error response to a call.
     *
     * @param id the call's ID, or {@code null} if the worker could not read it
     * @param error the error
     */
    record Failure(@Nullable String id, WorkerError error) implements Inbound {}

    /**
     * A notification.
     *
     * @param method its name
     * @param params its content
     */
    record Notification(String method, JsonNode params) implements Inbound {}

    /**
     * An invalid line.
     *
     * @param reason why it is invalid
     */
    record Junk(String reason) implements Inbound {}

    /**
     * The error of a failed call.
     *
     * @param code the JSON-RPC error code
     * @param message what happened and why
     * @param data mlx4j's own fields
     */
    record WorkerError(int code, String message, @Nullable Data data) {

        /**
         * The error fields that JSON-RPC does not define.
         *
         * @param kind a stable name
         * @param retryable whether a retry may succeed
         * @param hint what to do, or empty
         * @param detail a traceback, or empty
         */
        public record Data(String kind, boolean retryable, String hint, String detail) {

            /** Sets missing fields to {@code internal} or to empty strings. */
            public Data {
                kind = Objects.requireNonNullElse(kind, "internal");
                hint = Objects.requireNonNullElse(hint, "");
                detail = Objects.requireNonNullElse(detail, "");
            }
        }

        /** Sets a missing message to an empty string. */
        public WorkerError {
            message = Objects.requireNonNullElse(message, "The worker gave no reason.");
        }

        /** Returns the kind, or {@code internal} if the worker sent none. */
        public String kind() {
            return data == null ? "internal" : data.kind();
        }

        /** Returns what to do, or an empty string. */
        public String hint() {
            return data == null ? "" : data.hint();
        }

        /** Returns a traceback, or an empty string. */
        public String detail() {
            return data == null ? "" : data.detail();
        }
    }

    /**
     * A log record of the worker itself.
     *
     * @param level {@code debug}, {@code info}, {@code warning}, {@code error} or {@code critical}
     * @param logger the logger's name
     * @param message the text
     */
    record LogLine(String level, String logger, String message) {}
}
