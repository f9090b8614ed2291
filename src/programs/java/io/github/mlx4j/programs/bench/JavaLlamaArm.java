package io.github.mlx4j.programs.bench;

import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.Callable;

/**
 * java-llama.cpp ({@code de.kherud:llama}), which runs llama.cpp inside this JVM. It is called by reflection, because
 * it is not a dependency. Its kernels and its model format differ from the other arms', so only its overhead and its
 * scaling with callers can be compared.
 */
final class JavaLlamaArm implements Arm {

    static final String NAME = "java-llama.cpp";
    static final String MODEL = "de.kherud.llama.LlamaModel";
    static final int SLOTS = 16;
    static final int CONTEXT = 4096;
    static final int THREADS = 1; // with two, they wait for each other at the small model's size

    private final AutoCloseable model;
    private final Class<?> parameters;

    JavaLlamaArm(Class<?> type, Path gguf) throws Exception {
        parameters = Reflection.find("de.kherud.llama.InferenceParameters");
        Object settings = Reflection.create(Reflection.find("de.kherud.llama.ModelParameters"));
        for (Object[] setting : new Object[][] {
            {"setModel", gguf.toString()},
            {"setCtxSize", SLOTS * CONTEXT},
            {"setParallel", SLOTS},
            {"setThreads", THREADS},
            {"setGpuLayers", 0}
        }) {
            settings = set(settings, setting);
        }
        model = (AutoCloseable) Reflection.create(type, settings);
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean serves(int callers, Sampling sampling) {
        return sampling.isGreedy() && callers <= SLOTS;
    }

    @Override
    public boolean sameModel() {
        return false;
    }

    @Override
    public Round ask(List<Request> requests) {
        return Round.of(requests.stream()
                .map(request -> (Callable<Answer>) () -> ask(request.prompt(), request.maxTokens()))
                .toList());
    }

    private Answer ask(String prompt, int maxTokens) throws ReflectiveOperationException {
        Recording recording = new Recording();
        Object request = Reflection.create(parameters, prompt);
        for (Object[] setting : new Object[][] {
            {"setTemperature", 0f}, {"setNPredict", maxTokens}, {"setIgnoreEos", true}, {"setCachePrompt", false}
        }) {
            request = set(request, setting);
        }
        Iterable<?> pieces = (Iterable<?>) Reflection.call(model.getClass(), model, "generate", request);
        for (Iterator<?> piece = pieces.iterator(); piece.hasNext(); ) {
            Object output = piece.next();
            recording.piece((String) output.getClass().getField("text").get(output), List.of());
        }
        recording.count(maxTokens); // it reports no count, and ignores the end token
        return recording.answer();
    }

    @Override
    public void close() {
        try {
            model.close();
        } catch (Exception failure) {
            throw new IllegalStateException(failure);
        }
    }

    private static Object set(Object on, Object[] setting) throws ReflectiveOperationException {
        return Reflection.call(on.getClass(), on, (String) setting[0], setting[1]);
    }
}
