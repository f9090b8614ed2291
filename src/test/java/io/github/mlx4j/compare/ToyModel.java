package io.github.mlx4j.compare;

import io.github.mlx4j.error.ContextOverflowException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.generation.Cancellation;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationSink;
import io.github.mlx4j.generation.Parameter;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.generation.Sampling;
import io.github.mlx4j.generation.Timings;
import io.github.mlx4j.generation.Usage;
import io.github.mlx4j.port.AbstractTextGenerationPort;
import io.github.mlx4j.port.ModelAnalysisPort;
import io.github.mlx4j.port.ModelDetails;
import io.github.mlx4j.port.Score;
import io.github.mlx4j.port.TokenizerPort;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A model whose tokens are the letters a to h and an end token. The most probable token is the letter after the last
 * one: "ab" continues with "cdefgh" and ends. Its logits can be modified.
 */
public final class ToyModel extends AbstractTextGenerationPort implements TokenizerPort, ModelAnalysisPort {

    static final int END = 8;

    private final int vocabulary;
    private final UnaryOperator<float[]> bent;
    private final Function<Integer, Integer> token;
    private final int context;

    /** One as it is. */
    public ToyModel() {
        this(9, logits -> logits, letter -> letter, 64);
    }

    private ToyModel(int vocabulary, UnaryOperator<float[]> bent, Function<Integer, Integer> token, int context) {
        this.vocabulary = vocabulary;
        this.bent = bent;
        this.token = token;
        this.context = context;
    }

    /** The same with a change to the logits of each place. */
    public ToyModel bending(UnaryOperator<float[]> change) {
        return new ToyModel(vocabulary, change, token, context);
    }

    /** The same with so many token ids, the further ones never likely. */
    ToyModel padded(int size) {
        return new ToyModel(size, bent, token, context);
    }

    /** The same with a tokenizer that gives other ids. */
    ToyModel tokenizing(Function<Integer, Integer> change) {
        return new ToyModel(vocabulary, bent, change, context);
    }

    /** The same with a context of so many tokens, the answer's included. */
    ToyModel holding(int tokens) {
        return new ToyModel(vocabulary, bent, token, tokens);
    }

    /** It as a side. */
    public ComparedModel side(String name) {
        return new ComparedModel(name, this, this, this);
    }

    @Override
    public Cancellation start(GenerationRequest request, GenerationSink sink) {
        if (!Double.valueOf(0).equals(request.sampling().temperature())
                || !Double.valueOf(1).equals(request.sampling().repetitionPenalty())) {
            throw new AssertionError("not greedy: " + request.sampling());
        }
        List<Integer> prompt = tokenize(request);
        if (prompt.size() >= context) {
            sink.failed(new ContextOverflowException("Its context holds " + context + " with the answer.", ""));
            return () -> {};
        }
        List<Integer> tokens = new ArrayList<>();
        FinishReason finish = FinishReason.LENGTH;
        while (tokens.size() < Math.min(request.maxTokens(), context - prompt.size())) {
            List<Integer> all = new ArrayList<>(prompt);
            all.addAll(tokens);
            int next = likeliest(logits(all).get(all.size() - 1));
            if (next == END) {
                finish = FinishReason.STOP;
                break;
            }
            tokens.add(next);
        }
        String text = tokens.stream().map(id -> Character.toString('a' + id)).collect(Collectors.joining());
        sink.completed(new GenerationResult(
                text,
                "",
                List.of(),
                List.of(),
                tokens,
                List.of(),
                finish,
                null,
                new Usage(prompt.size(), tokens.size()),
                new Timings(Duration.ZERO, Duration.ofMillis(5), Duration.ofMillis(5), Duration.ofMillis(10)),
                backend()));
        return () -> {};
    }

    @Override
    public List<Integer> tokenize(GenerationRequest request) {
        if (request.prompt() instanceof Prompt.Tokens tokens) {
            return tokens.ids();
        }
        if (request.prompt() instanceof Prompt.Raw raw) {
            return raw.text().chars().map(c -> c - 'a').mapToObj(token::apply).toList();
        }
        throw new InvalidRequestException("It has no chat template.", "Give it text.");
    }

    @Override
    public int countTokens(GenerationRequest request) {
        return tokenize(request).size();
    }

    @Override
    public String applyTemplate(GenerationRequest request) {
        throw new InvalidRequestException("It has no chat template.", "Give it text.");
    }

    @Override
    public ModelDetails details() {
        return details("model");
    }

    /** What it would say if it were loaded from something else than a model. */
    ModelDetails details(String format) {
        return new ModelDetails(
                backend(),
                format,
                Optional.empty(),
                Optional.empty(),
                List.of(),
                "float32",
                OptionalInt.of(context),
                vocabulary,
                false,
                false,
                List.of(),
                Sampling.DEFAULT,
                0,
                Optional.empty(),
                List.of("a toy"),
                Map.of("toy", "1"));
    }

    @Override
    public List<float[]> logits(List<Integer> tokens) {
        if (tokens.stream().anyMatch(id -> id >= vocabulary)) {
            throw new InvalidRequestException("It has " + vocabulary + " tokens.", "");
        }
        if (tokens.size() > context) {
            throw new ContextOverflowException("Its context holds " + context + ".", "");
        }
        return tokens.stream()
                .map(last -> {
                    float[] logits = new float[vocabulary];
                    for (int id = 0; id < vocabulary; id++) {
                        logits[id] = id >= 9 ? -50 : -Math.abs(id - last - 1);
                    }
                    return bent.apply(logits);
                })
                .toList();
    }

    @Override
    public Score score(GenerationRequest prompt, String completion) {
        List<Integer> tokens = tokenize(GenerationRequest.raw(completion));
        return new Score(
                countTokens(prompt), tokens, tokens.stream().map(id -> -0.5).toList(), false);
    }

    @Override
    public List<Parameter> parameters() {
        return List.of();
    }

    private Backend backend() {
        return new Backend(ProviderKind.MLX, "/models/toy", "cpu");
    }

    private static int likeliest(float[] logits) {
        return IntStream.range(0, logits.length)
                .reduce((best, id) -> logits[id] > logits[best] ? id : best)
                .orElseThrow();
    }
}
