package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Tests the hf worker with the real transformers. */
class HfWorkerIT extends WorkerContract {

    HfWorkerIT() {
        super(ProviderKind.HF);
    }

    @Test
    void shouldServeRequestsOneAfterAnother() {
        List<Fixture.Known> known = Fixture.knownAnswers().subList(0, 8);
        List<CompletableFuture<GenerationResult>> answers =
                known.stream().map(one -> llm.generateAsync(one.request())).toList();
        for (int i = 0; i < known.size(); i++) {
            assertThat(answers.get(i).join().tokens()).isEqualTo(known.get(i).tokens());
        }
        assertThat(answers.get(7).join().timings().queue())
                .isGreaterThan(answers.get(0).join().timings().queue());
    }

    @Test
    void shouldEndAQueuedRequestAtItsCancelAndLetTheRunningOneGoOn() {
        CompletableFuture<GenerationResult> running = llm.generateAsync(GenerationRequest.chat(Fixture.STORY));
        GenerationStream queued = llm.stream(GenerationRequest.chat("Who are you?"));
        queued.cancel();
        assertThatThrownBy(queued::result).isInstanceOf(CancelledException.class);
        assertThat(running).isNotDone();
        assertThat(running.join().text()).isEqualTo(Fixture.known(Fixture.STORY).text());
    }
}
