package io.github.mlx4j.task;

import io.github.mlx4j.answer.AnswerType;
import io.github.mlx4j.answer.Description;
import io.github.mlx4j.answer.Size;
import io.github.mlx4j.port.TextGenerationPort;
import java.util.List;

/** Generates comprehension questions about tasks with a model. Thread-safe. */
public final class ComprehensionTestAdapter implements ComprehensionTestPort {

    private static final int MAX_TOKENS = 3072;

    private final ModelQuestion<Questions> question;

    record Question(
            @Size(min = 1, max = 200) String question,

            @Description("the right answer, as short as it can be") @Size(min = 1, max = 300)
            String answer) {

        Question {
            question = ModelQuestion.text(question);
            answer = ModelQuestion.text(answer);
        }
    }

    record Questions(@Size(min = 3, max = 5) List<Question> questions) {}

    /** Creates an adapter that generates text with the given port. */
    public ComprehensionTestAdapter(TextGenerationPort llm) {
        question = new ModelQuestion<>(llm, "comprehension", AnswerType.of(Questions.class), MAX_TOKENS);
    }

    @Override
    public List<ComprehensionQuestion> questions(Task task) {
        return question.ask(task).questions().stream()
                .map(one -> new ComprehensionQuestion(one.question(), one.answer()))
                .toList();
    }
}
