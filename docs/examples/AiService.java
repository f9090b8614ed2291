//DEPS io.github.mlx4j:mlx4j:0.1.0-SNAPSHOT
//DEPS dev.langchain4j:langchain4j:1.19.0

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.langchain4j.agent.tool.P;
import dev.langchain4j.agent.tool.Tool;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.service.AiServices;
import dev.langchain4j.service.UserMessage;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.langchain4j.Mlx4jChatModel;

/** LangChain4j AI services: one with a tool, and one that returns a record. */
public class AiService {

    static class Weather {

        @Tool("Returns the weather in a city")
        public String getWeather(@P(name = "city", value = "the city") String city) {
            System.out.println("getWeather(" + city + ")");
            return "sunny";
        }
    }

    interface Assistant {
        String chat(String message);
    }

    enum Mood {
        GLAD,
        ANGRY
    }

    record Review(@JsonProperty(required = true) Mood mood, boolean recommended) {}

    interface Reviews {
        @UserMessage("What does this review say?\n\n{{it}}")
        Review read(String review);
    }

    public static void main(String[] args) {
        try (ProviderFactory providers = ProviderFactory.fromEnv()) {
            ChatModel model =
                    Mlx4jChatModel.builder(providers.createTextGenerationAdapter()).build();

            Assistant assistant = AiServices.builder(Assistant.class)
                    .chatModel(model)
                    .tools(new Weather())
                    .build();
            System.out.println(assistant.chat("What is the weather in Munich?"));

            Reviews reviews = AiServices.create(Reviews.class, model);
            System.out.println(reviews.read("Quiet, quick, and it never failed. Buy it!"));
        }
    }
}
