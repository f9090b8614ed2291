package io.github.mlx4j.task;

import io.github.mlx4j.answer.AnswerType;
import io.github.mlx4j.answer.Description;
import io.github.mlx4j.answer.Size;
import io.github.mlx4j.port.TextGenerationPort;
import java.time.Instant;
import java.util.List;
import java.util.UUID;

/** Enhances tasks with a model. Thread-safe. */
public final class EnhancementAdapter implements TaskEnhancementPort {

    private static final int MAX_TOKENS = 2048;

    private final ModelQuestion<ClearerTask> question;

    record ClearerTask(
            @Description("what is to be done and why, in a few clear sentences") @Size(min = 1, max = 1000)
            String content,

            @Description("statements that are true when the task is done, and that can be checked")
            @Size(min = 1, max = 6)
            List<@Size(min = 1, max = 150) String> acceptanceCriteria) {

        ClearerTask {
            content = ModelQuestion.text(content);
            acceptanceCriteria =
                    acceptanceCriteria.stream().map(ModelQuestion::text).toList();
        }
    }

    /** Creates an adapter that generates text with the given port. */
    public EnhancementAdapter(TextGenerationPort llm) {
        question = new ModelQuestion<>(llm, "enhancement", AnswerType.of(ClearerTask.class), MAX_TOKENS);
    }

    @Override
    public Enhancement enhance(Task task) {
        ClearerTask answer = question.ask(task);
        return new Enhancement(
                UUID.randomUUID().toString(),
                task.id(),
                Instant.now(),
                Enhancement.CLARIFY,
                answer.content(),
                answer.acceptanceCriteria());
    }
}
