package io.github.mlx4j.programs.bench;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.it.Fixture;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.Callable;

/** mlx4j as a program uses it: one factory, and one stream per caller. */
final class Mlx4jArm implements Arm {

    static final String NAME = "mlx4j";

    private final ProviderFactory factory;
    private final TextGenerationPort port;

    Mlx4jArm(String model) {
        factory = ProviderFactory.create(ProviderConfig.builder()
                .provider(ProviderKind.MLX)
                .fallback(List.of())
                .model(ProviderKind.MLX, model)
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
    public Round ask(List<String> prompts, int maxTokens) {
        return ask(prompts.stream().map(prompt -> request(prompt, maxTokens)).toList());
    }

    /** Sends all requests at the same time, one per caller. */
    Round ask(List<GenerationRequest> requests) {
        return Round.of(requests.stream()
                .map(request -> (Callable<Answer>) () -> ask(port, request))
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

    /** Returns the same request as every other arm sends: raw text, greedy decoding. */
    static GenerationRequest request(String prompt, int maxTokens) {
        return GenerationRequest.raw(prompt).toBuilder()
                .temperature(0)
                .maxTokens(maxTokens)
                .build();
    }

    /** Returns the same request with constrained decoding by a JSON schema. */
    static GenerationRequest constrained(GenerationRequest request, String schema) {
        return request.toBuilder()
                .responseFormat(ResponseFormat.jsonSchema(schema))
                .build();
    }

    static Answer ask(TextGenerationPort port, GenerationRequest request) {
        Recording recording = new Recording();
        try (GenerationStream stream = port.stream(request)) {
            for (GenerationEvent event : stream) {
                if (event instanceof GenerationEvent.Text piece) {
                    recording.piece(piece.text(), piece.tokens());
                }
            }
            return recording.answer();
        } catch (Mlx4jException error) {
            return recording.lost(error);
        }
    }
}
