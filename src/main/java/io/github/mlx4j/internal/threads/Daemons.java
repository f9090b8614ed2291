package io.github.mlx4j.internal.threads;

import java.security.AccessController;
import java.security.PrivilegedAction;

/** Creates daemon threads that inherit nothing from the thread that starts them. */
public final class Daemons {

    private Daemons() {}

    /** Creates a thread without starting it. */
    public static Thread thread(String name, Runnable task) {
        Thread thread = newThread(name, task);
        thread.setDaemon(true);
        thread.setContextClassLoader(Daemons.class.getClassLoader()); // a web application's own would never be freed
        return thread;
    }

    /**
     * Creates a thread in a privileged block: before Java 24, a thread keeps references to the class loaders of all
     * callers up to the privileged one, in its inherited access control context.
     */
    @SuppressWarnings("removal")
    private static Thread newThread(String name, Runnable task) {
        return AccessController.doPrivileged((PrivilegedAction<Thread>)
                () -> new Thread(null, task, name, 0, false)); // without inheritable thread locals
    }

    /** Starts a thread. */
    public static Thread start(String name, Runnable task) {
        Thread thread = thread(name, task);
        thread.start();
        return thread;
    }
}
