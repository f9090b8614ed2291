package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Tests the mlx worker with the real mlx-lm. */
class MlxWorkerIT extends WorkerContract {

    MlxWorkerIT() {
        super(ProviderKind.MLX);
    }

    @Test
    void shouldGiveEightCallersAtOnceTheTextsThatEachGetsAlone() {
        List<Fixture.Known> known = Fixture.knownAnswers().subList(0, 24);
        for (int round = 0; round < 3; round++) {
            List<Fixture.Known> eight = known.subList(round * 8, round * 8 + 8);
            List<CompletableFuture<GenerationResult>> answers =
                    eight.stream().map(one -> llm.generateAsync(one.request())).toList();
            for (int i = 0; i < eight.size(); i++) {
                assertThat(answers.get(i).join().tokens())
                        .isEqualTo(eight.get(i).tokens());
            }
        }
    }

    @Test
    void shouldRunRequestsTogetherRatherThanOneAfterAnother() {
        GenerationRequest story = GenerationRequest.chat(Fixture.STORY);
        CompletableFuture<GenerationResult> slow = llm.generateAsync(story);
        GenerationResult quick = llm.generate("Say 'Hello World'");
        assertThat(quick.text()).isEqualTo("Hello World");
        assertThat(slow).isNotDone();
        assertThat(slow.join().text()).isEqualTo(Fixture.known(Fixture.STORY).text());
    }

    @Test
    void shouldSampleTheSameWithASeedAloneAndBesideOthers() {
        GenerationRequest seeded = GenerationRequest.builder()
                .user(Fixture.STORY)
                .temperature(3)
                .seed(42)
                .maxTokens(60)
                .build();
        String alone = llm.generate(seeded).text();
        List<CompletableFuture<GenerationResult>> others = Fixture.knownAnswers().subList(0, 7).stream()
                .map(one -> llm.generateAsync(one.request()))
                .toList();
        assertThat(llm.generate(seeded).text()).isEqualTo(alone);
        others.forEach(CompletableFuture::join);
    }
}
