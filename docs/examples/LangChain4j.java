//DEPS io.github.mlx4j:mlx4j:0.1.0-SNAPSHOT
//DEPS dev.langchain4j:langchain4j-core:1.23.0

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.langchain4j.Mlx4jChatModel;
import io.github.mlx4j.langchain4j.Mlx4jChatRequestParameters;
import io.github.mlx4j.langchain4j.Mlx4jStreamingChatModel;
import io.github.mlx4j.port.TextGenerationPort;
import java.util.concurrent.CompletableFuture;

/** Asks a question, runs a tool call and streams, with LangChain4j's interfaces. */
public class LangChain4j {

    public static void main(String[] args) {
        try (ProviderFactory providers = ProviderFactory.fromEnv()) {
            TextGenerationPort llm = providers.createTextGenerationAdapter();
            ChatModel model = Mlx4jChatModel.builder(llm)
                    .defaultRequestParameters(Mlx4jChatRequestParameters.builder()
                            .temperature(0.0)
                            .maxOutputTokens(500)
                            .build())
                    .build();

            System.out.println(model.chat("What is the capital of Germany?"));
            System.out.println(weather(model));
            stream(Mlx4jStreamingChatModel.builder(llm).build(), "Why is the sky blue?");
        }
    }

    /** The model calls a tool, the program runs it, and the model answers. */
    private static String weather(ChatModel model) {
        ToolSpecification tool = ToolSpecification.builder()
                .name("getWeather")
                .parameters(JsonObjectSchema.builder().addStringProperty("city").build())
                .build();
        UserMessage question = UserMessage.from("What is the weather in Munich?");
        AiMessage asked = model.chat(ChatRequest.builder()
                        .messages(question)
                        .toolSpecifications(tool)
                        .build())
                .aiMessage();
        if (!asked.hasToolExecutionRequests()) {
            return asked.text();
        }
        return model.chat(ChatRequest.builder()
                        .messages(
                                question,
                                asked,
                                ToolExecutionResultMessage.from(
                                        asked.toolExecutionRequests().get(0), "sunny"))
                        .toolSpecifications(tool)
                        .build())
                .aiMessage()
                .text();
    }

    private static void stream(StreamingChatModel model, String question) {
        CompletableFuture<ChatResponse> whole = new CompletableFuture<>();
        model.chat(
                ChatRequest.builder()
                        .messages(SystemMessage.from("Answer briefly."), UserMessage.from(question))
                        .build(),
                new StreamingChatResponseHandler() {
                    @Override
                    public void onPartialResponse(String text) {
                        System.out.print(text);
                    }

                    @Override
                    public void onCompleteResponse(ChatResponse response) {
                        whole.complete(response);
                    }

                    @Override
                    public void onError(Throwable error) {
                        whole.completeExceptionally(error);
                    }
                });
        System.out.println("\n" + whole.join().tokenUsage());
    }
}
