package io.github.mlx4j.compare;

import static org.mockito.ArgumentMatchers.any;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import io.github.mlx4j.ScriptedPort;
import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.generation.Timings;
import io.github.mlx4j.generation.Usage;
import io.github.mlx4j.port.ModelAnalysisPort;
import io.github.mlx4j.port.Score;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A model that has one answer for each prompt, with one token per letter, and assigns the same probability to each
 * token of an expected text. It can be made to die at a prompt, or to reject it.
 */
public final class Answers {

    private final Map<String, String> answers = new HashMap<>();
    private final double logProb;
    private final int tokensPerSecond;
    private String deadly = "";
    private String format = "model";

    /** The port that answers; it knows what it was asked. */
    public final ScriptedPort port = ScriptedPort.of(this::answer);

    /** With the log-probability of each token of what is expected, and a speed. */
    public Answers(double logProb, int tokensPerSecond) {
        this.logProb = logProb;
        this.tokensPerSecond = tokensPerSecond;
    }

    /** Answers a prompt so. */
    public Answers to(String prompt, String answer) {
        answers.put(prompt, answer);
        return this;
    }

    /** Dies at this prompt. */
    public Answers dyingAt(String prompt) {
        deadly = prompt;
        return this;
    }

    /** Says that it was loaded from something of this format. */
    public Answers from(String format) {
        this.format = format;
        return this;
    }

    /** It as a side. */
    public ComparedModel side(String name) {
        ModelAnalysisPort analysis = mock(ModelAnalysisPort.class);
        when(analysis.details()).thenReturn(new ToyModel().details(format));
        when(analysis.score(any(), any())).thenAnswer(call -> {
            String expected = call.getArgument(1);
            List<Integer> tokens = expected.chars().boxed().toList();
            return new Score(1, tokens, tokens.stream().map(token -> logProb).toList(), false);
        });
        return new ComparedModel(name, port, new ToyModel(), analysis);
    }

    private void answer(ScriptedPort.Call call) {
        GenerationRequest request = call.request();
        String prompt = Prompts.show(request.prompt());
        if (prompt.equals(deadly)) {
            call.fail(new WorkerDiedException("It died.", "", 137, ""));
        } else if (!answers.containsKey(prompt)) {
            call.fail(new ContextOverflowException("The prompt is too long.", ""));
        } else {
            String text = answers.get(prompt);
            boolean cut = text.length() > request.maxTokens();
            int tokens = Math.min(text.length(), request.maxTokens());
            call.complete(new GenerationResult(
                    text.substring(0, tokens),
                    "",
                    List.of(),
                    List.of(),
                    List.of(),
                    List.of(),
                    cut ? FinishReason.LENGTH : FinishReason.STOP,
                    null,
                    new Usage(1, tokens),
                    new Timings(
                            Duration.ZERO,
                            Duration.ofMillis(20),
                            Duration.ofMillis(20),
                            Duration.ofNanos((tokens - 1) * 1_000_000_000L / tokensPerSecond)),
                    new Backend(ProviderKind.MLX, "/models/canned", "cpu")));
        }
    }

    /** What this model was asked. */
    public List<String> asked() {
        return port.calls().stream()
                .map(call -> ((Prompt.Raw) call.request().prompt()).text())
                .toList();
    }
}
