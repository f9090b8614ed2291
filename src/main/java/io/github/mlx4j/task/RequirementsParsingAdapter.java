package io.github.mlx4j.task;

import io.github.mlx4j.answer.AnswerType;
import io.github.mlx4j.answer.Description;
import io.github.mlx4j.answer.Size;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.port.TextGenerationPort;
import java.time.LocalDate;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Extracts tasks from requirements documents with a model. Thread-safe. */
public final class RequirementsParsingAdapter implements RequirementsParsingPort {

    private static final int MAX_TOKENS = 4096;

    private final ModelQuestion<Requirements> question;

    record Requirement(
            @Description("one line that says what to do") @Size(min = 10, max = 100)
            String title,

            @Description("what the document says about it") @Size(max = 500)
            String description,

            @Description("who is to do it, if the document names somebody")
            Optional<@Size(min = 1, max = 100) String> assignee,

            @Description("until when, if the document names a date")
            Optional<LocalDate> dueDate) {

        Requirement {
            title = ModelQuestion.line(title);
        }
    }

    record Requirements(
            @Description("in the order of the document; empty if it asks for nothing") @Size(max = 30)
            List<Requirement> tasks) {}

    /** Creates an adapter that generates text with the given port. */
    public RequirementsParsingAdapter(TextGenerationPort llm) {
        question = new ModelQuestion<>(llm, "requirements", AnswerType.of(Requirements.class), MAX_TOKENS);
    }

    @Override
    public List<Task> parse(String document) {
        if (document.isBlank()) {
            throw new InvalidRequestException("The document is blank.", "Provide the requirements as text.");
        }
        return question.ask(document).tasks().stream()
                .map(found -> new Task(
                        UUID.randomUUID().toString(),
                        found.title(),
                        found.description().strip(),
                        found.assignee().orElse(null),
                        found.dueDate().orElse(null)))
                .toList();
    }
}
