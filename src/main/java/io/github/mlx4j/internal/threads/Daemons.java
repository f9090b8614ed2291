package io.github.mlx4j.internal.threads;

/** Makes daemon threads that inherit nothing from the thread that happens to start them. */
public final class Daemons {

    private Daemons() {}

    /** A thread that is not started yet. */
    public static Thread thread(String name, Runnable task) {
        Thread thread = new Thread(null, task, name, 0, false); // no inheritable thread locals
        thread.setDaemon(true);
        thread.setContextClassLoader(Daemons.class.getClassLoader()); // a web application's own would never be freed
        return thread;
    }

    /** Starts a thread. */
    public static Thread start(String name, Runnable task) {
        Thread thread = thread(name, task);
        thread.start();
        return thread;
    }
}
