package io.github.mlx4j.compare;

import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.port.TokenizerPort;
import java.util.List;
import java.util.stream.Collectors;

/** A tokenizer with a chat template that concatenates the messages. */
record TemplatedTokenizer(TokenizerPort raw) implements TokenizerPort {

    @Override
    public List<Integer> tokenize(GenerationRequest request) {
        return raw.tokenize(applyTemplate(request));
    }

    @Override
    public int countTokens(GenerationRequest request) {
        return tokenize(request).size();
    }

    @Override
    public String applyTemplate(GenerationRequest request) {
        return ((Prompt.Chat) request.prompt())
                .messages().stream().map(message -> message.content()).collect(Collectors.joining());
    }
}
