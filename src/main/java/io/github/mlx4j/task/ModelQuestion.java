package io.github.mlx4j.task;

import io.github.mlx4j.answer.AnswerType;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.error.UnreadableAnswerException;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.port.TextGenerationPort;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks a model a question about a text from the user, and reads the answer into a record. The answer's schema is
 * enforced if the port supports that; otherwise the answer is parsed from the model's text. In both cases, the model
 * gets one chance to correct an unusable answer. Thread-safe.
 *
 * @param <A> the type of the answer
 */
final class ModelQuestion<A> {

    private static final Logger log = LoggerFactory.getLogger(ModelQuestion.class);
    private static final String REPAIR = resource("repair");

    private final TextGenerationPort llm;
    private final String system;
    private final String user;
    private final AnswerType<A> answer;
    private final ResponseFormat format;
    private final int maxTokens;
    private volatile boolean textOnly; // the port rejected the response format, but answered without it

    /**
     * Creates a question with the answer type's own response format. The prompt is read from the resource of that name.
     */
    ModelQuestion(TextGenerationPort llm, String prompt, AnswerType<A> answer, int maxTokens) {
        this(llm, prompt, answer, answer.responseFormat(), maxTokens);
    }

    ModelQuestion(TextGenerationPort llm, String prompt, AnswerType<A> answer, ResponseFormat format, int maxTokens) {
        String[] parts = resource(prompt).split("\n---\n");
        this.llm = llm;
        this.system = parts[0].strip();
        this.user = parts[1].strip();
        this.answer = answer;
        this.format = format;
        this.maxTokens = maxTokens;
    }

    /**
     * Asks about a task and waits for the answer.
     *
     * @throws InvalidRequestException if the task's title is blank
     */
    A ask(Task task) {
        if (task.title().isBlank()) {
            throw new InvalidRequestException("The task's title is blank.", "Describe the task in one line.");
        }
        String more = task.description().isBlank() ? "" : "\nDescription: " + task.description();
        return ask("Title: " + task.title() + more);
    }

    /** Asks about a text and waits for the answer. */
    A ask(String text) {
        GenerationRequest request = answer.described(GenerationRequest.builder()
                .system(system)
                .user(user.replace("{text}", marked(text)))
                .maxTokens(maxTokens)
                .build());
        boolean cut = false;
        try {
            GenerationResult first = generate(request);
            cut = first.finishReason() == FinishReason.LENGTH;
            return answer.read(first);
        } catch (UnreadableAnswerException wrong) {
            if (cut) { // with the truncated answer in the prompt, even fewer tokens would be left
                throw wrong;
            }
            log.info("An answer is unusable; asking the model to correct it: {}", wrong.reason());
            return answer.read(generate(corrected(request, wrong)));
        }
    }

    private GenerationResult generate(GenerationRequest request) {
        if (textOnly) {
            return llm.generate(request);
        }
        try {
            return llm.generate(request.toBuilder().responseFormat(format).build());
        } catch (NotSupportedException | InvalidRequestException refused) {
            GenerationResult result = llm.generate(request); // fails again if the format was not the cause
            textOnly = true;
            log.info("The response format is not supported; parsing answers from text: {}", refused.reason());
            return result;
        }
    }

    private static GenerationRequest corrected(GenerationRequest request, UnreadableAnswerException wrong) {
        List<Message> messages = new ArrayList<>(((Prompt.Chat) request.prompt()).messages());
        messages.add(Message.assistant(wrong.text()));
        messages.add(Message.user(REPAIR.strip().replace("{problem}", wrong.reason())));
        return request.toBuilder().prompt(new Prompt.Chat(messages)).build();
    }

    /** Encloses the text in tags that do not occur in it, so that the text can't close them itself. */
    static String marked(String text) {
        int number = 1;
        while (text.contains("text-" + number)) {
            number++;
        }
        return "<text-%d>\n%s\n</text-%d>".formatted(number, text, number);
    }

    /**
     * Strips a text from an answer.
     *
     * @throws IllegalArgumentException if the text is blank
     */
    static String text(String text) {
        if (text.isBlank()) {
            throw new IllegalArgumentException("a text in it is blank");
        }
        return text.strip();
    }

    /** Strips a text from an answer and puts it on one line. */
    static String line(String text) {
        return text(text).replaceAll("\\s+", " ");
    }

    private static String resource(String name) {
        try (InputStream file = ModelQuestion.class.getResourceAsStream(name + ".txt")) {
            if (file == null) {
                throw new IllegalStateException("There is no prompt " + name + ".txt in the jar");
            }
            return new String(file.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
