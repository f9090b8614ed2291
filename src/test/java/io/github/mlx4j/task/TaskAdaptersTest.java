package io.github.mlx4j.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.UnreadableAnswerException;
import io.github.mlx4j.testing.ScriptedTextGeneration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class TaskAdaptersTest {

    private static final Task PLAN = new Task("t1", "The plan", "", "Ada", null);

    @Test
    void shouldBeOfTheTaskWhenItIsMadeClearer() {
        Instant before = Instant.now();
        EnhancementAdapter adapter = new EnhancementAdapter(
                ScriptedTextGeneration.answering(
                        "{\"content\": \" Write the {plan}.\\nSoon. \", \"acceptanceCriteria\": [\"It is \\\"written\\\" \"]}"));

        Enhancement enhancement = adapter.enhance(PLAN);

        assertThat(enhancement.enhancementId()).isNotBlank();
        assertThat(enhancement.taskId()).isEqualTo("t1");
        assertThat(enhancement.timestamp()).isBetween(before, Instant.now());
        assertThat(enhancement.enhancementType()).isEqualTo("clarify");
        assertThat(enhancement.content()).isEqualTo("Write the {plan}.\nSoon.");
        assertThat(enhancement.acceptanceCriteria()).containsExactly("It is \"written\"");
    }

    @Test
    void shouldBeUnreadableWhenTheClearerTaskIsBlank() {
        String blank = "{\"content\": \"  \", \"acceptanceCriteria\": [\"x\"]}";

        assertThatExceptionOfType(UnreadableAnswerException.class)
                .isThrownBy(() -> new EnhancementAdapter(ScriptedTextGeneration.answering(blank, blank)).enhance(PLAN))
                .withMessageContaining("blank");
    }

    @Test
    void shouldGiveTheQuestionsWithTheirAnswersWhenAskedForATest() {
        ComprehensionTestAdapter adapter = new ComprehensionTestAdapter(ScriptedTextGeneration.answering("""
                {"questions": [{"question": "What for?", "answer": "For Ada"}, {"question": "What?", "answer": "A plan"},
                 {"question": "When is it done? ", "answer": "When it is read"}]}"""));

        assertThat(adapter.questions(PLAN))
                .containsExactly(
                        new ComprehensionQuestion("What for?", "For Ada"),
                        new ComprehensionQuestion("What?", "A plan"),
                        new ComprehensionQuestion("When is it done?", "When it is read"));
    }

    @Test
    void shouldBeUnreadableWhenThereAreTooFewQuestions() {
        String one = "{\"questions\": [{\"question\": \"What for?\", \"answer\": \"For Ada\"}]}";

        assertThatExceptionOfType(UnreadableAnswerException.class)
                .isThrownBy(
                        () -> new ComprehensionTestAdapter(ScriptedTextGeneration.answering(one, one)).questions(PLAN))
                .withMessageContaining("questions: it has 1 elements, but must have at least 3");
    }

    @Test
    void shouldGiveTheTasksOfADocumentWhenItIsParsed() {
        RequirementsParsingAdapter adapter = new RequirementsParsingAdapter(ScriptedTextGeneration.answering("""
                [{"title": "Export as\\nCSV", "description": "All {columns}", "assignee": "Ada", "dueDate": "2027-03-01"},
                 {"title": "Import from CSV", "description": ""}]"""));

        List<Task> tasks = adapter.parse("# Requirements\n…");

        assertThat(tasks)
                .usingRecursiveFieldByFieldElementComparatorIgnoringFields("id")
                .containsExactly(
                        new Task("", "Export as CSV", "All {columns}", "Ada", LocalDate.of(2027, 3, 1)),
                        new Task("", "Import from CSV", "", null, null));
        assertThat(tasks).extracting(Task::id).doesNotHaveDuplicates().doesNotContain("");
    }

    @Test
    void shouldGiveNoTasksWhenTheDocumentAsksForNothing() {
        assertThat(new RequirementsParsingAdapter(ScriptedTextGeneration.answering("{\"tasks\": []}")).parse("Hi."))
                .isEmpty();
    }

    @Test
    void shouldRefuseADocumentWhenItIsBlank() {
        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> new RequirementsParsingAdapter(ScriptedTextGeneration.answering()).parse("\n"));
    }
}
