package io.github.mlx4j.langchain4j;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.model.TokenCountEstimator;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.port.TokenizerPort;
import java.util.ArrayList;
import java.util.List;

/**
 * Counts tokens with the model's own tokenizer, so that the counts are exact. The count of a text includes the special
 * tokens that the tokenizer adds. The count of messages includes everything that the chat template adds, such as the
 * start of the answer. If a template rejects messages on their own, for example a tool result without its call, the
 * tokens of their texts are counted. Thread-safe.
 */
public final class Mlx4jTokenCountEstimator implements TokenCountEstimator {

    private final TokenizerPort port;

    /** Creates an estimator that uses this port. */
    public Mlx4jTokenCountEstimator(TokenizerPort port) {
        this.port = port;
    }

    @Override
    public int estimateTokenCountInText(String text) {
        try {
            return text.isEmpty() ? 0 : port.countTokens(text);
        } catch (Mlx4jException error) {
            throw Failures.of(error);
        }
    }

    @Override
    public int estimateTokenCountInMessage(ChatMessage message) {
        return count(Requests.messages(List.of(message)));
    }

    @Override
    public int estimateTokenCountInMessages(Iterable<ChatMessage> messages) {
        List<ChatMessage> all = new ArrayList<>();
        messages.forEach(all::add);
        return all.isEmpty() ? 0 : count(Requests.messages(all));
    }

    private int count(List<Message> messages) {
        try {
            return port.countTokens(GenerationRequest.chat(messages));
        } catch (InvalidRequestException refused) {
            return messages.stream()
                    .mapToInt(message -> estimateTokenCountInText(message.content()))
                    .sum();
        } catch (Mlx4jException error) {
            throw Failures.of(error);
        }
    }
}
