package io.github.mlx4j.port;

import io.github.mlx4j.error.Mlx4jException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads a stream on a daemon thread of its own and tells a listener. */
final class ListenerThread {

    private static final Logger log = LoggerFactory.getLogger(GenerationListener.class);

    private ListenerThread() {}

    static Cancellation start(GenerationStream stream, GenerationListener listener) {
        Thread thread = new Thread(() -> run(stream, listener), "mlx4j-listener");
        thread.setDaemon(true);
        thread.start();
        return stream;
    }

    private static void run(GenerationStream stream, GenerationListener listener) {
        try {
            for (GenerationEvent event : stream) {
                if (event instanceof GenerationEvent.Text text) {
                    guarded(() -> listener.onText(text));
                } else if (event instanceof GenerationEvent.Thinking thinking) {
                    guarded(() -> listener.onThinking(thinking));
                } else if (event instanceof GenerationEvent.Completed completed) {
                    guarded(() -> listener.onCompleted(completed.result()));
                }
            }
        } catch (Mlx4jException error) {
            guarded(() -> listener.onFailed(error));
        }
    }

    private static void guarded(Runnable callback) {
        try {
            callback.run();
        } catch (RuntimeException error) {
            log.warn("A generation listener threw; the answer goes on", error);
        }
    }
}
