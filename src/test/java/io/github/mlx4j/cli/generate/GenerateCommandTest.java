package io.github.mlx4j.cli.generate;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.ScriptedPort;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.MalformedToolCall;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.generation.TokenLogProb;
import io.github.mlx4j.generation.ToolCall;
import io.github.mlx4j.generation.Usage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

class GenerateCommandTest {

    @TempDir
    private Path folder;

    static Stream<Arguments> options() {
        GenerationRequest hi = GenerationRequest.chat("Hi");
        return Stream.of(
                Arguments.of("", hi),
                Arguments.of("--min-p 0.1", hi.toBuilder().minP(0.1).build()),
                Arguments.of(
                        "--repetition-penalty 1.1",
                        hi.toBuilder().repetitionPenalty(1.1).build()),
                Arguments.of(
                        "--presence-penalty -0.5",
                        hi.toBuilder().presencePenalty(-0.5).build()),
                Arguments.of(
                        "--frequency-penalty 0.5",
                        hi.toBuilder().frequencyPenalty(0.5).build()),
                Arguments.of(
                        "--regex a+",
                        hi.toBuilder()
                                .responseFormat(ResponseFormat.regex("a+"))
                                .build()),
                Arguments.of(
                        "--choice yes --choice no",
                        hi.toBuilder()
                                .responseFormat(ResponseFormat.choice("yes", "no"))
                                .build()),
                Arguments.of("--think", hi.toBuilder().thinking(true).build()),
                Arguments.of("--no-think", hi.toBuilder().thinking(false).build()),
                Arguments.of("--json --logprobs 2", hi.toBuilder().logProbs(2).build()));
    }

    @ParameterizedTest
    @MethodSource("options")
    void shouldAskForWhatTheOptionsSay(String options, GenerationRequest request) {
        assertThat(request("Hi " + options)).isEqualTo(request);
    }

    @Test
    void shouldAskForTheSchemaInTheFile() throws Exception {
        Path schema = Files.writeString(folder.resolve("schema.json"), "{\"type\":\"object\"}");

        assertThat(request("Hi --json-schema " + schema).responseFormat())
                .isEqualTo(ResponseFormat.jsonSchema("{\"type\":\"object\"}"));
    }

    @Test
    void shouldPrintEverythingOfAnAnswerAsJson() throws Exception {
        GenerationResult plain = ScriptedPort.result("Hm", "Hi");
        GenerationResult result = new GenerationResult(
                plain.text(),
                plain.thinking(),
                List.of(new ToolCall("c1", "clock", "{}")),
                List.of(new MalformedToolCall("{oops", "It is no JSON.")),
                List.of(4),
                List.of(new TokenLogProb(4, -0.5, List.of(new TokenLogProb.Candidate(4, "Hi", -0.5)))),
                FinishReason.TOOL_CALLS,
                null,
                new Usage(5, 4, 3, 2, 1),
                plain.timings(),
                plain.backend());

        JsonNode json = new JsonMapper().readTree(GenerateCommand.asJson(result));

        assertThat(json.path("finishReason").textValue()).isEqualTo("tool_calls");
        for (String field : List.of("text", "thinking", "toolCalls", "unreadToolCalls", "logProbs", "usage")) {
            assertThat(json.path(field))
                    .as(field)
                    .isEqualTo(new JsonMapper().readTree("""
                                    {"text": "Hi", "thinking": "Hm",
                                     "toolCalls": [{"id": "c1", "name": "clock", "arguments": "{}"}],
                                     "unreadToolCalls": [{"text": "{oops", "reason": "It is no JSON."}],
                                     "logProbs": [{"token": 4, "logProb": -0.5,
                                                   "top": [{"token": 4, "text": "Hi", "logProb": -0.5}]}],
                                     "usage": {"promptTokens": 5, "completionTokens": 4, "cachedTokens": 3,
                                               "thinkingTokens": 2, "draftedTokens": 1}}
                                    """).path(field));
        }
    }

    private static GenerationRequest request(String arguments) {
        GenerateCommand command = new GenerateCommand();
        new CommandLine(command).parseArgs(arguments.strip().split(" "));
        return command.request();
    }
}
