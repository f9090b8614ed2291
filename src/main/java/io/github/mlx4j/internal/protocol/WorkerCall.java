package io.github.mlx4j.internal.protocol;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.InvalidRequestException;
import java.util.Map;
import java.util.function.Function;

/**
 * A call to a worker: its method, its params as JSON, and how to read its result. The params are serialized when the
 * call is created, so that errors in them reach the caller before anything is sent. Immutable; can be sent more than
 * once.
 *
 * @param <T> the type of the result
 */
public final class WorkerCall<T> {

    private final Method method;
    private final byte[] body;
    private final Function<JsonNode, T> reader;

    private WorkerCall(Method method, byte[] body, Function<JsonNode, T> reader) {
        this.method = method;
        this.body = body;
        this.reader = reader;
    }

    /**
     * Returns a call whose result is a record.
     *
     * @throws InvalidRequestException if the params can't be sent, for example because they are too long
     */
    public static <T> WorkerCall<T> of(Method method, Object params, Class<T> result) {
        return new WorkerCall<>(method, Codec.body(method.id(), params), node -> Codec.read(node, result));
    }

    /** Returns a call without params. */
    public static <T> WorkerCall<T> of(Method method, Class<T> result) {
        return of(method, Map.of(), result);
    }

    /** Returns the same call, with its result converted. */
    public <R> WorkerCall<R> map(Function<? super T, R> mapping) {
        return new WorkerCall<>(method, body, node -> mapping.apply(reader.apply(node)));
    }

    /** Returns the same call, with its result as JSON. */
    public WorkerCall<JsonNode> raw() {
        return new WorkerCall<>(method, body, node -> node);
    }

    /** Returns the method. */
    public Method method() {
        return method;
    }

    /**
     * Returns the line of this call, including the LF.
     *
     * @throws InvalidRequestException if it is longer than {@link Bounds} allows
     */
    public byte[] line(String id) {
        return Codec.line(id, body);
    }

    /**
     * Converts the result from JSON.
     *
     * @throws RuntimeException if the JSON is not a valid result
     */
    public T read(JsonNode result) {
        return reader.apply(result);
    }
}
