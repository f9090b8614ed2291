package io.github.mlx4j.internal.protocol;

import com.fasterxml.jackson.databind.JsonNode;
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
}
