package io.github.mlx4j.internal.protocol;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A line from a worker. */
public sealed interface Inbound {

    /**
     * The answer to a call.
     *
     * @param id the call's id
     * @param result its result
     */
    record Answer(String id, JsonNode result) implements Inbound {}

    /**
     * The failure of a call.
     *
     * @param id the call's id, or {@code null} where the worker could not read it
     * @param error why
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
     * A line that is none of these.
     *
     * @param reason why
     */
    record Junk(String reason) implements Inbound {}

    /**
     * The error of a call that failed.
     *
     * @param code JSON-RPC's code
     * @param message what happened and why
     * @param data the rest
     */
    record WorkerError(int code, String message, @Nullable Data data) {

        /**
         * What JSON-RPC leaves to us.
         *
         * @param kind a stable name
         * @param retryable whether the same may succeed later
         * @param hint what to do, or empty
         * @param detail a traceback, or empty
         */
        public record Data(String kind, boolean retryable, String hint, String detail) {

            /** What a worker left out is {@code internal} or empty. */
            public Data {
                kind = Objects.requireNonNullElse(kind, "internal");
                hint = Objects.requireNonNullElse(hint, "");
                detail = Objects.requireNonNullElse(detail, "");
            }
        }

        /** A worker may leave the message out. */
        public WorkerError {
            message = Objects.requireNonNullElse(message, "The worker gave no reason.");
        }

        /** The kind, {@code internal} where the worker gave none. */
        public String kind() {
            return data == null ? "internal" : data.kind();
        }

        /** What to do, or empty. */
        public String hint() {
            return data == null ? "" : data.hint();
        }

        /** A traceback, or empty. */
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
