package io.github.mlx4j.adapter;

import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.internal.worker.RestartBudget;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerRegistry;
import java.io.File;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Runs web applications, each with a class loader of its own, that use a worker in every way, and prints whether the
 * class loader can be collected afterwards. Argument: {@code own} if the library belongs to the web application, which
 * closes the worker; {@code shared} if the library belongs to the server, and the worker keeps running.
 */
public final class ClassLoaderProgram {

    private static final Duration LONGEST = Duration.ofSeconds(100);

    private ClassLoaderProgram() {}

    public static void main(String[] args) throws Exception {
        startReapers();
        if (args[0].equals("own")) {
            System.out.println(isCollected(useIn(new WebApplication(ClassLoader.getPlatformClassLoader()), null)));
        } else {
            try (MlxSubprocessAdapter worker = worker()) {
                ClassLoader server = ClassLoaderProgram.class.getClassLoader();
                System.out.println(isCollected(useIn(new WebApplication(server), worker)));
                System.out.println(worker.status().state());
            }
        }
    }

    /** Else the JDK's threads that wait for the end of processes would keep the first class loader for a minute. */
    private static void startReapers() throws IOException, InterruptedException {
        Process[] processes = new Process[4];
        for (int i = 0; i < processes.length; i++) {
            processes[i] = new ProcessBuilder("sleep", "0.5").start();
        }
        for (Process process : processes) {
            process.waitFor();
        }
    }

    @SuppressWarnings("unchecked")
    private static WeakReference<ClassLoader> useIn(WebApplication loader, Object worker) throws Exception {
        Consumer<Object> use = (Consumer<Object>) loader.loadClass(ClassLoaderProgram.class.getName() + "$Use")
                .getConstructor()
                .newInstance();
        Throwable[] failure = new Throwable[1];
        Thread request = new Thread(() -> use.accept(worker), "request");
        request.setContextClassLoader(loader);
        request.setUncaughtExceptionHandler((thread, thrown) -> failure[0] = thrown);
        request.start();
        request.join();
        if (failure[0] != null) {
            throw new IllegalStateException(failure[0]);
        }
        return new WeakReference<>(loader);
    }

    private static boolean isCollected(WeakReference<ClassLoader> loader) throws InterruptedException {
        long begun = System.nanoTime();
        while (loader.get() != null && System.nanoTime() - begun < LONGEST.toNanos()) {
            System.gc();
            Thread.sleep(100);
        }
        return loader.get() == null;
    }

    static MlxSubprocessAdapter worker() {
        return new MlxSubprocessAdapter(new WorkerSettings(
                "fake", false, FakeWorker::ready, FakeWorker.SCRIPTS, RestartBudget.standard(), WorkerConfig.DEFAULT));
    }

    /** Loads everything it can by itself, except what a server would share with it. */
    private static final class WebApplication extends URLClassLoader {

        WebApplication(ClassLoader parent) throws MalformedURLException {
            super(classPath(), parent);
        }

        private static URL[] classPath() throws MalformedURLException {
            String[] entries = System.getProperty("java.class.path").split(File.pathSeparator);
            URL[] urls = new URL[entries.length];
            for (int i = 0; i < entries.length; i++) {
                urls[i] = Path.of(entries[i]).toUri().toURL();
            }
            return urls;
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (name.startsWith(ClassLoaderProgram.class.getName() + "$Use")) {
                Class<?> loaded = findLoadedClass(name);
                return loaded == null ? findClass(name) : loaded;
            }
            return super.loadClass(name, resolve);
        }
    }

    /** The web application. */
    public static final class Use implements Consumer<Object> {

        /** For the class loader. */
        public Use() {}

        @Override
        public void accept(Object shared) {
            if (shared == null) {
                try (MlxSubprocessAdapter own = worker()) {
                    use(own);
                }
            } else {
                use((MlxSubprocessAdapter) shared);
            }
        }

        private void use(MlxSubprocessAdapter worker) {
            CircuitBreakerRegistry breakers =
                    CircuitBreakerRegistry.of(FallbackAdapter.breakerDefaults().build());
            FallbackAdapter llm = new FallbackAdapter(Map.of("mlx", worker), breakers, null);
            CircuitBreaker breaker = breakers.circuitBreaker("mlx");
            breaker.transitionToOpenState();
            breaker.transitionToHalfOpenState();
            llm.generate(
                    request("{\"say\":\"abc\"}").deadline(Duration.ofMinutes(1)).build());
            try {
                llm.generate(request("{\"say\":\"abc\",\"stepMs\":1000}")
                        .deadline(Duration.ofMillis(100))
                        .build());
            } catch (Mlx4jException expired) {
                // as it should
            }
            llm.generateAsync(request("{\"say\":\"abc\"}").build()).join();
            try (GenerationStream stream =
                    llm.stream(request("{\"say\":\"abc\",\"stepMs\":1000}").build())) {
                stream.iterator().next(); // the rest is cancelled
            }
            worker.embed("abc");
        }

        private static GenerationRequest.Builder request(String script) {
            return GenerationRequest.raw(script).toBuilder();
        }
    }
}
