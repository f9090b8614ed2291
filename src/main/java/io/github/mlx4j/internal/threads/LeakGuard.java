package io.github.mlx4j.internal.threads;

import java.lang.ref.Cleaner;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends a worker whose owner was garbage-collected without being closed, and logs a warning. Neither the worker's
 * threads nor the actions passed to this class may refer to the owner, or it would never be collected. Thread-safe.
 */
public final class LeakGuard {

    private static final Cleaner CLEANER = Cleaner.create(); // its thread inherits nothing from the current thread
    private static final Logger log = LoggerFactory.getLogger(LeakGuard.class);

    private final Leak leak;
    private final Cleaner.Cleanable registration;

    private LeakGuard(Object owner, Leak leak) {
        this.leak = leak;
        this.registration = CLEANER.register(owner, leak);
    }

    /**
     * Watches an owner until {@link #close()}.
     *
     * @param owner the object that the program must close
     * @param name the worker's name, for the warning
     * @param isRunning whether there is anything to warn about
     * @param end ends the worker; may block
     */
    public static LeakGuard watch(Object owner, String name, BooleanSupplier isRunning, Runnable end) {
        return new LeakGuard(owner, new Leak(name, isRunning, end));
    }

    /** Stops watching, because the owner was closed. Idempotent. */
    public void close() {
        leak.isClosed = true;
        registration.clean();
    }

    private static final class Leak implements Runnable {

        private final String name;
        private final BooleanSupplier isRunning;
        private final Runnable end;
        private volatile boolean isClosed;

        Leak(String name, BooleanSupplier isRunning, Runnable end) {
            this.name = name;
            this.isRunning = isRunning;
            this.end = end;
        }

        @Override
        public void run() {
            if (!isClosed) {
                Daemons.start("mlx4j-leak", this::endIt); // the cleaner's thread must not wait for a process
            }
        }

        private void endIt() {
            if (isRunning.getAsBoolean()) {
                log.warn(
                        "LEAK: {} was garbage-collected without being closed, so its process is stopped now. Close it, or "
                                + "the ProviderFactory or LocalModel that created it, when you no longer need it.",
                        name);
            }
            end.run();
        }
    }
}
