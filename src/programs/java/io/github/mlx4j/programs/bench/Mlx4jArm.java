package io.github.mlx4j.programs.bench;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.it.Fixture;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.concurrent.Semaphore;

/** mlx4j as a program uses it: one factory, and one stream per caller. */
final class Mlx4jArm implements Arm {

    static final String NAME = "mlx4j";

    private final ProviderFactory factory;
    private final TextGenerationPort port;

    Mlx4jArm(ProviderKind engine, String model) {
        factory = ProviderFactory.create(ProviderConfig.builder()
                .provider(engine)
                .fallback(List.of())
                .model(engine, model)
                .home(Fixture.HOME)
                .allowAnyPlatform(true)
                .build());
        port = factory.createTextGenerationAdapter();
        factory.warmUp();
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean serves(int callers, Sampling sampling) {
        return true;
    }

    @Override
    public Round ask(List<Request> requests) {
        Semaphore callers =
                new Semaphore(requests.stream().anyMatch(r -> r.afterMs() > 0) ? CALLERS : requests.size(), true);
        return Round.of(requests.stream()
                .map(request -> (Callable<Answer>) () -> {
                    Thread.sleep(request.afterMs());
                    Recording recording = new Recording();
                    callers.acquire();
                    try {
                        return ask(port, generation(request), recording);
                    } finally {
                        callers.release();
                    }
                })
                .toList());
    }

    /** Sends all requests at the same time, one per caller. */
    Round send(List<GenerationRequest> requests) {
        return Round.of(requests.stream()
                .map(request -> (Callable<Answer>) () -> ask(port, request, new Recording()))
                .toList());
    }

    GenerationStream stream(GenerationRequest request) {
        return port.stream(request);
    }

    OptionalLong pid() {
        return factory.workers().get(0).status().processId();
    }

    @Override
    public void close() {
        factory.close();
    }

    /** Returns a request of raw text with greedy decoding. */
    static GenerationRequest request(String prompt, int maxTokens) {
        return generation(Request.greedy(prompt, maxTokens));
    }

    private static GenerationRequest generation(Request request) {
        GenerationRequest.Builder builder = GenerationRequest.raw(request.prompt()).toBuilder()
                .temperature(request.sampling().temperature())
                .minP(0) // not the author's, which the other arms don't apply either
                .repetitionPenalty(1)
                .maxTokens(request.maxTokens());
        if (!request.sampling().isGreedy()) {
            builder.topP(request.sampling().topP()).topK(request.sampling().topK());
        }
        return builder.build();
    }

    private static Answer ask(TextGenerationPort port, GenerationRequest request, Recording recording) {
        try (GenerationStream stream = port.stream(request)) {
            for (GenerationEvent event : stream) {
                if (event instanceof GenerationEvent.Text piece) {
                    recording.piece(piece.text(), piece.tokens());
                } else if (event instanceof GenerationEvent.Thinking piece) {
                    recording.piece(piece.text(), piece.tokens());
                }
            }
            return recording.answer();
        } catch (Mlx4jException error) {
            return recording.lost(error);
        }
    }
}
