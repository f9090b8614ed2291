package io.github.mlx4j.port;

import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.Cancellation;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationListener;
import io.github.mlx4j.generation.GenerationStream;
import java.util.Iterator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads a stream on a dedicated daemon thread and passes its events to a listener. */
final class ListenerThread {

    private static final Logger log = LoggerFactory.getLogger(GenerationListener.class);

    private ListenerThread() {}

    static Cancellation start(GenerationStream stream, GenerationListener listener) {
        Thread thread = new Thread(() -> run(stream, listener), "mlx4j-listener"); // in the caller's class loader
        thread.setDaemon(true);
        thread.start();
        return stream;
    }

    private static void run(GenerationStream stream, GenerationListener listener) {
        try (stream) {
            Iterator<GenerationEvent> events = stream.iterator();
            while (hasNext(events, listener)) {
                GenerationEvent event = events.next();
                try {
                    deliver(event, listener);
                } catch (Throwable thrown) {
                    thrown(event, thrown, listener);
                    return;
                }
            }
        }
    }

    private static boolean hasNext(Iterator<GenerationEvent> events, GenerationListener listener) {
        try {
            return events.hasNext();
        } catch (Throwable error) {
            fail(listener, Mlx4jException.of(error));
            return false;
        }
    }

    private static void deliver(GenerationEvent event, GenerationListener listener) {
        if (event instanceof GenerationEvent.Text text) {
            listener.onText(text);
        } else if (event instanceof GenerationEvent.Thinking thinking) {
            listener.onThinking(thinking);
        } else if (event instanceof GenerationEvent.Completed completed) {
            listener.onCompleted(completed.result());
        }
    }

    private static void thrown(GenerationEvent event, Throwable thrown, GenerationListener listener) {
        log.warn("A generation listener threw", thrown);
        if (!(event instanceof GenerationEvent.Completed)) { // Completed is its last call
            fail(listener, CancelledException.afterCallbackThrew(thrown));
        }
    }

    private static void fail(GenerationListener listener, Mlx4jException error) {
        try {
            listener.onFailed(error);
        } catch (Throwable thrown) {
            log.warn("A generation listener threw while it was notified of a failure", thrown);
        }
    }
}
