package io.github.mlx4j.programs.bench;

import io.github.mlx4j.it.MlxServer;
import java.io.IOException;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * mlx_lm.server, called through LangChain4j's OpenAI client. It is called by reflection, because LangChain4j is not a
 * dependency: add {@code langchain4j-open-ai} and its dependencies to the class path with
 * {@code MLX4J_BENCH_CLASSPATH}.
 */
final class LangChainArm implements Arm {

    static final String NAME = "mlx_lm.server + LangChain4j";
    private static final String MODEL = "dev.langchain4j.model.openai.OpenAiStreamingChatModel";
    private static final String TEMPLATE = "{{ messages[0].content }}"; // the prompt is rendered already
    private static final String HANDLER = "dev.langchain4j.model.chat.response.StreamingChatResponseHandler";

    private final MlxServer process;
    private final Class<?> handler;

    LangChainArm(Path python, String model, Path log) throws IOException, InterruptedException {
        handler = find(HANDLER);
        find(MODEL);
        process = new MlxServer(python, model, log, "--chat-template", TEMPLATE);
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Round ask(List<String> prompts, int maxTokens) {
        Object model = model(maxTokens);
        return Round.of(prompts.stream()
                .map(prompt -> (Callable<Answer>) () -> ask(model, prompt))
                .toList());
    }

    @Override
    public void close() {
        process.close();
    }

    private Object model(int maxTokens) {
        try {
            Object builder = call(find(MODEL), null, "builder");
            for (Object[] setting : new Object[][] {
                {"baseUrl", process.uri + "/v1"},
                {"apiKey", "none"},
                {"modelName", "default_model"},
                {"temperature", 0.0},
                {"maxTokens", maxTokens}
            }) {
                builder = call(builder.getClass(), builder, (String) setting[0], setting[1]);
            }
            return call(builder.getClass(), builder, "build");
        } catch (IOException | ReflectiveOperationException error) {
            throw new IllegalStateException(error);
        }
    }

    private Answer ask(Object model, String prompt) throws Exception {
        Recording recording = new Recording();
        CompletableFuture<Answer> answer = new CompletableFuture<>();
        Object listener = Proxy.newProxyInstance(
                handler.getClassLoader(), new Class<?>[] {handler}, (proxy, method, arguments) -> {
                    Object first = arguments[0];
                    if (first instanceof String piece) {
                        recording.piece(piece, List.of()); // onPartialResponse, which the default methods call
                    } else if (method.isDefault()) {
                        return InvocationHandler.invokeDefault(proxy, method, arguments);
                    } else if (first instanceof Exception why) {
                        answer.complete(recording.lost(why));
                    } else {
                        Object usage = call(first.getClass(), first, "tokenUsage");
                        recording.count((Integer) call(usage.getClass(), usage, "outputTokenCount"));
                        answer.complete(recording.answer());
                    }
                    return null;
                });
        call(model.getClass(), model, "chat", prompt, listener);
        return answer.get();
    }

    private static Class<?> find(String name) throws IOException {
        try {
            return Class.forName(name);
        } catch (ClassNotFoundException absent) {
            throw new IOException("not on the classpath", absent);
        }
    }

    /** Calls the public method with this name that accepts these arguments. */
    private static Object call(Class<?> type, @Nullable Object on, String name, Object... with)
            throws ReflectiveOperationException {
        for (Method method : type.getMethods()) {
            if (method.getName().equals(name) && takes(method.getParameterTypes(), with)) {
                method.setAccessible(true); // the class itself may not be public
                return method.invoke(on, with);
            }
        }
        throw new NoSuchMethodException(type + "." + name);
    }

    private static boolean takes(Class<?>[] types, Object[] values) {
        boolean fits = types.length == values.length;
        for (int i = 0; fits && i < types.length; i++) {
            fits = types[i].isInstance(values[i]);
        }
        return fits;
    }
}
