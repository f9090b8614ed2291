package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.port.GenerationResult;
import io.github.mlx4j.port.ProviderKind;
import io.github.mlx4j.port.TextGenerationPort;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.zeroturnaround.exec.ProcessExecutor;

/** Greedy decoding gives the same tokens through the mlx worker, through the hf worker, and in mlx-lm itself. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class ParityIT {

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

    private static List<List<Integer>> through(ProviderKind kind, List<Fixture.Known> known) {
        try (ProviderFactory providers = Fixture.factory(kind, Fixture.MODEL)) {
            TextGenerationPort llm = providers.createTextGenerationAdapter();
            return known.stream()
                    .map(one -> llm.generate(one.request()))
                    .map(GenerationResult::tokens)
                    .toList();
        }
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
