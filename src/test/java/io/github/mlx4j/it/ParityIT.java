package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.port.TokenizerPort;
import io.github.mlx4j.provider.ProviderKind;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.zeroturnaround.exec.ProcessExecutor;

/** Tests that greedy decoding gives the same tokens with the mlx worker, with the hf worker, and in mlx-lm itself. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class ParityIT {

    private static final List<ProviderKind> KINDS = List.of(ProviderKind.MLX, ProviderKind.HF);
    private static final Map<ProviderKind, ProviderFactory> PROVIDERS = new EnumMap<>(ProviderKind.class);

    @BeforeAll
    static void createProviders() {
        for (ProviderKind kind : KINDS) {
            PROVIDERS.put(kind, Fixture.factory(kind, Fixture.MODEL));
        }
    }

    @AfterAll
    static void closeProviders() {
        PROVIDERS.values().forEach(ProviderFactory::close);
    }

    @Test
    void shouldDecodeTheSameTokensAsMlxLmInProcess() throws Exception {
        List<Fixture.Known> known = Fixture.knownAnswers();
        List<List<Integer>> inProcess = inProcess();
        List<List<Integer>> mlx = through(ProviderKind.MLX, known);
        List<List<Integer>> hf = through(ProviderKind.HF, known);
        int tokens = mlx.stream().mapToInt(List::size).sum();
        System.out.printf("parity: %d prompts, %d tokens%n", known.size(), tokens);
        assertThat(known).hasSizeGreaterThanOrEqualTo(20);
        assertThat(mlx).isEqualTo(inProcess);
        assertThat(hf).isEqualTo(inProcess);
    }

    @Test
    void shouldChooseTheSameTokensUnderPenaltiesBiasesAndFormats() {
        GenerationRequest.Builder story =
                GenerationRequest.builder().user(Fixture.STORY).maxTokens(60);
        List<GenerationRequest> requests = List.of(
                story.repetitionPenalty(1.3).build(),
                story.presencePenalty(1.5).frequencyPenalty(0.7).build(),
                story.logitBias(Map.of(49, -100.0, 80, 3.0)).build(),
                GenerationRequest.builder()
                        .user("Who are you?")
                        .responseFormat(ResponseFormat.jsonSchema(RequestContract.PERSON))
                        .build(),
                GenerationRequest.builder()
                        .user("Who are you?")
                        .responseFormat(ResponseFormat.regex("[a-z ]{40,60}[.]"))
                        .build());
        List<List<GenerationResult>> answers = new ArrayList<>();
        for (ProviderKind kind : KINDS) {
            ProviderFactory providers = PROVIDERS.get(kind);
            TextGenerationPort llm = providers.createTextGenerationAdapter();
            answers.add(requests.stream()
                    .map(request -> llm.generate(request.toBuilder().logProbs(1).build()))
                    .toList());
        }
        for (int i = 0; i < requests.size(); i++) {
            GenerationResult mlx = answers.get(0).get(i);
            GenerationResult hf = answers.get(1).get(i);
            assertThat(hf.tokens()).as("%s", requests.get(i)).isEqualTo(mlx.tokens());
            assertThat(hf.text()).isEqualTo(mlx.text());
            for (int t = 0; t < mlx.tokens().size(); t++) {
                assertThat(hf.logProbs().get(t).logProb())
                        .isCloseTo(mlx.logProbs().get(t).logProb(), within(Tolerance.of(1e-3)));
            }
        }
    }

    @Test
    void shouldEmbedAndTokenizeAlike() {
        List<String> texts =
                List.of("Hello World", "Why is the sky blue? 漢字 😀", "The keeper counted ships. ".repeat(60));
        List<List<float[]>> vectors = new ArrayList<>();
        List<List<List<Integer>>> tokens = new ArrayList<>();
        for (ProviderKind kind : KINDS) {
            ProviderFactory providers = PROVIDERS.get(kind);
            vectors.add(providers.createEmbeddingAdapter().embed(texts));
            TokenizerPort tokenizer = providers.createTokenizer();
            tokens.add(texts.stream().map(tokenizer::tokenize).toList());
        }
        assertThat(tokens.get(1)).isEqualTo(tokens.get(0));
        float largest = 0;
        for (int i = 0; i < texts.size(); i++) {
            assertThat(vectors.get(1).get(i))
                    .containsExactly(vectors.get(0).get(i), within((float) Tolerance.of(1e-5)));
            for (int d = 0; d < vectors.get(0).get(i).length; d++) {
                largest = Math.max(
                        largest,
                        Math.abs(vectors.get(0).get(i)[d] - vectors.get(1).get(i)[d]));
            }
        }
        System.out.printf("parity: embeddings differ by %.1e at most%n", largest);
    }

    private static List<List<Integer>> through(ProviderKind kind, List<Fixture.Known> known) {
        ProviderFactory providers = PROVIDERS.get(kind);
        TextGenerationPort llm = providers.createTextGenerationAdapter();
        return known.stream()
                .map(one -> llm.generate(one.request()))
                .map(GenerationResult::tokens)
                .toList();
    }

    private static List<List<Integer>> inProcess() throws Exception {
        String output = new ProcessExecutor(
                        Fixture.python(ProviderKind.MLX).toString(),
                        "python/tests/in_process.py",
                        Fixture.MODEL.toString(),
                        Fixture.MODEL.resolve("test-prompts.jsonl").toString())
                .redirectErrorStream(false)
                .readOutput(true)
                .exitValueNormal()
                .execute()
                .outputUTF8();
        List<List<Integer>> tokens = new ArrayList<>();
        for (String line : output.strip().split("\n")) {
            tokens.add(new JsonMapper().readValue(line, new TypeReference<>() {}));
        }
        return tokens;
    }
}
