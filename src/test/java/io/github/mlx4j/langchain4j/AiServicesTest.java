package io.github.mlx4j.langchain4j;

import dev.langchain4j.data.image.Image;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.service.common.AbstractAiServiceIT;
import dev.langchain4j.service.common.AbstractAiServiceWithToolsIT;
import dev.langchain4j.service.common.AbstractStreamingAiServiceIT;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.generation.ToolCall;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.testing.ScriptedAnswer;
import io.github.mlx4j.testing.ScriptedTextGeneration;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Timeout;

/**
 * Runs LangChain4j's own test suites for AI services with a script that calls tools as a good model would. They test
 * how requests, calls and results are mapped, and no model.
 */
@Timeout(30)
class AiServicesTest {

    private static final TextGenerationPort LLM = new Script()
            .asked("capital of Germany", text("It is Berlin."))
            .asked(
                    "weather in Munich",
                    call("getWeather", "'arg0': 'Munich'"),
                    json("'city': 'Munich', 'weather': 'SUNNY'"))
            .asked("date today", call("currentDate", ""), text("It is 2019-01-07."))
            .asked("73 plus 78", calls(add(37, 87), add(73, 78)), text("37 plus 87 is 124, and 73 plus 78 is 151."))
            .asked("37 plus 87", calls(add(37, 87)), text("37 + 87 = 124"))
            .asked("add 47 to the previous result", calls(add(124, 47)))
            .asked("First add 2 and 3", calls(add(2, 3)), call("multiply", "'arg0': 5, 'arg1': 4"), text("It is 20."))
            .asked(
                    "Klaus is 37",
                    call("process", "'arg0': {'name': 'Klaus', 'age': 37, 'height': 1.78, 'married': false}"),
                    text("Done."))
            .asked(
                    "Langley Falls",
                    call("process", "'arg0': {'name': 'Klaus', 'address': {'city': 'Langley Falls'}}"),
                    text("Done."))
            .asked(
                    "2 children",
                    call(
                            "process",
                            "'arg0': {'name': 'Francine', 'children':"
                                    + " [{'name': 'Steve', 'children': []}, {'name': 'Hayley', 'children': []}]}"),
                    text("Done."))
            .asked("time now", call("currentTime", ""), text("It is 17:11:45."))
            .asked(
                    "temperature in Munich",
                    call("currentTemperature", "'arg0': 'Munich', 'arg1': 'CELSIUS'"),
                    text("It is 19 degrees."))
            .asked("Klaus is 42", call("process", "'arg0': {'Klaus': 42, 'Francine': 47}"), text("Done."))
            .asked("following names", call("processNames", "'arg0': ['Klaus', 'Franny']"), text("Done."))
            .asked("following colors", call("process", "'arg0': ['RED', 'GREEN']"), text("Done."))
            .asked("following integers", call("processNumbers", "'arg0': [37, 73]"), text("Done."))
            .asked(
                    "following people",
                    call("process", "'arg0': [{'name': 'Klaus'}, {'name': 'Franny'}]"),
                    text("Done."))
            .asked(
                    "username with ID",
                    call("getUsernameFromId", "'arg0': '62dbcc27-aaf3-449a-b12d-5a904271a57f'"),
                    text("It is Alice."))
            .asked("Call tool 'modify'", call("modify", "'arg0': 7"), text("Done."))
            .asked("Take a photo", call("takePhoto", ""))
            .build();

    /** Chooses answers by a substring of the last user message, and gives them in order as tools return results. */
    private static final class Script {
        private final ScriptedTextGeneration.Builder script = ScriptedTextGeneration.builder();

        Script asked(String part, ScriptedAnswer... turns) {
            for (int i = 0; i < turns.length; i++) {
                script.when(isTurn(part, i), turns[i]);
            }
            return this;
        }

        TextGenerationPort build() {
            return script.build();
        }

        private static Predicate<GenerationRequest> isTurn(String part, int turn) {
            return request -> {
                List<Message> messages = ((Prompt.Chat) request.prompt()).messages();
                int asked = messages.size() - 1;
                int answers = 0;
                for (; messages.get(asked).role() != Message.Role.USER; asked--) {
                    answers += messages.get(asked).role() == Message.Role.ASSISTANT ? 1 : 0;
                }
                return answers == turn && messages.get(asked).content().contains(part);
            };
        }
    }

    private static ScriptedAnswer text(String text) {
        return ScriptedAnswer.text(text);
    }

    private static ScriptedAnswer json(String members) {
        return ScriptedAnswer.text(object(members));
    }

    private static ScriptedAnswer call(String tool, String arguments) {
        return calls(new ToolCall(tool + "-1", tool, object(arguments)));
    }

    private static ScriptedAnswer calls(ToolCall... calls) {
        return ScriptedAnswer.text("").withToolCalls(calls);
    }

    private static ToolCall add(int a, int b) {
        return new ToolCall("add-" + a, "add", object("'arg0': %d, 'arg1': %d".formatted(a, b)));
    }

    private static String object(String members) {
        return "{" + members.replace('\'', '"') + "}";
    }

    @Nested
    class Waiting extends AbstractAiServiceIT {

        @Override
        protected List<ChatModel> models() {
            return List.of(Mlx4jChatModel.builder(LLM).build());
        }

        @Override
        protected List<ChatModel> modelsSupportingToolsAndJsonResponseFormatWithSchema() {
            return List.of(Mlx4jChatModel.builder(LLM)
                    .supportedCapabilities(Set.of()) // so it asks for the JSON in words
                    .build());
        }
    }

    @Nested
    class Streaming extends AbstractStreamingAiServiceIT {

        @Override
        protected List<StreamingChatModel> models() {
            return List.of(Mlx4jStreamingChatModel.builder(LLM).build());
        }
    }

    @Nested
    class Tools extends AbstractAiServiceWithToolsIT {

        @Override
        protected List<ChatModel> models() {
            return List.of(Mlx4jChatModel.builder(LLM).build());
        }

        @Override
        protected boolean supportsRecursion() {
            return true;
        }

        @Override
        protected boolean verifyModelInteractions() {
            return true;
        }

        @Override
        protected Image catImage() {
            return Image.builder()
                    .base64Data("R0lGODlhAQABAAAAACw=")
                    .mimeType("image/gif")
                    .build();
        }
    }
}
