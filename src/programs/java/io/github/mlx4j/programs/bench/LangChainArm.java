package io.github.mlx4j.programs.bench;

import io.github.mlx4j.it.MlxServer;
import java.io.IOException;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

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
    private final Map<Integer, Object> models = new ConcurrentHashMap<>(); // clients by the length of answers

    LangChainArm(Path python, String model, Path log) throws IOException, InterruptedException {
        handler = Reflection.find(HANDLER);
        Reflection.find(MODEL);
        process = new MlxServer(python, model, log, "--chat-template", TEMPLATE);
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Round ask(List<Request> requests) {
        return Round.of(requests.stream()
                .map(request -> (Callable<Answer>)
                        () -> ask(models.computeIfAbsent(request.maxTokens(), this::model), request.prompt()))
                .toList());
    }

    @Override
    public void close() {
        process.close();
    }

    private Object model(int maxTokens) {
        try {
            Object builder = Reflection.call(Reflection.find(MODEL), null, "builder");
            for (Object[] setting : new Object[][] {
                {"baseUrl", process.uri + "/v1"},
                {"apiKey", "none"},
                {"modelName", "default_model"},
                {"temperature", 0.0},
                {"maxTokens", maxTokens}
            }) {
                builder = Reflection.call(builder.getClass(), builder, (String) setting[0], setting[1]);
            }
            return Reflection.call(builder.getClass(), builder, "build");
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
                        Object usage = Reflection.call(first.getClass(), first, "tokenUsage");
                        recording.count((Integer) Reflection.call(usage.getClass(), usage, "outputTokenCount"));
                        answer.complete(recording.answer());
                    }
                    return null;
                });
        Reflection.call(model.getClass(), model, "chat", prompt, listener);
        return answer.get();
    }
}
