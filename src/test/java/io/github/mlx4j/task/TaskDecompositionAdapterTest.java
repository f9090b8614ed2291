package io.github.mlx4j.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.error.UnreadableAnswerException;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.testing.ScriptedTextGeneration;
import java.time.LocalDate;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(30)
class TaskDecompositionAdapterTest {

    private static final LocalDate DUE = LocalDate.of(2027, 3, 1);
    private static final Task LAUNCH = new Task("t1", "Launch", "", "Ada", DUE);

    @Test
    void shouldHaveWhatTheTaskHasWhenItIsSplit() {
        ScriptedTextGeneration llm = ScriptedTextGeneration.answering("""
                {"subtasks": [{"title": " Build  the\\nrocket", "dependsOn": []},
                              {"title": "Test the {rocket}", "dependsOn": [1, 1]},
                              {"title": "Launch \\"it\\" now", "dependsOn": [2, 1]}]}""");

        assertThat(new TaskDecompositionAdapter(llm).decompose(LAUNCH))
                .containsExactly(
                        new Subtask("t1.1", "t1", "Build the rocket", "Ada", DUE, List.of()),
                        new Subtask("t1.2", "t1", "Test the {rocket}", "Ada", DUE, List.of("t1.1")),
                        new Subtask("t1.3", "t1", "Launch \"it\" now", "Ada", DUE, List.of("t1.2", "t1.1")));
    }

    @Test
    void shouldPutEachAfterThoseItDependsOnWhenTheModelDoesNot() {
        ScriptedTextGeneration llm = ScriptedTextGeneration.answering("""
                [{"title": "Launch the rocket", "dependsOn": [2, 3]}, {"title": "Test the rocket", "dependsOn": [3]},
                 {"title": "Build the rocket", "dependsOn": []}, {"title": "Sell the rocket", "dependsOn": []}]""");

        assertThat(new TaskDecompositionAdapter(llm).decompose(LAUNCH))
                .extracting(subtask -> subtask.id() + " " + subtask.title() + " " + subtask.dependsOn())
                .containsExactly(
                        "t1.1 Build the rocket []",
                        "t1.2 Test the rocket [t1.1]",
                        "t1.3 Launch the rocket [t1.2, t1.1]",
                        "t1.4 Sell the rocket []");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "1; 2         | it has 2 elements, but must have at least 3",
                "; ; ; ; ;    | it has 6 elements, but must have at most 5",
                "; ; 4        | subtask 3 depends on 4, but there are subtasks 1 to 3",
                "0; ;         | subtask 1 depends on 0",
                "; 2;         | the subtasks [2] depend on each other in a cycle",
                "3; 1; 2      | the subtasks [1, 2, 3] depend on each other in a cycle, so none of them can come first",
                "; 3; 2; 3    | the subtasks [2, 3, 4] depend on each other in a cycle"
            })
    void shouldBeUnreadableWhenTheSubtasksCanNotBe(String dependencies, String why) {
        String answer = answer(dependencies);
        ScriptedTextGeneration llm = ScriptedTextGeneration.answering(answer, answer);

        assertThatExceptionOfType(UnreadableAnswerException.class)
                .isThrownBy(() -> new TaskDecompositionAdapter(llm).decompose(LAUNCH))
                .withMessageContaining(why)
                .satisfies(error -> assertThat(error.text()).isEqualTo(answer));
    }

    @Test
    void shouldLetAModelCorrectACircleWhenItMakesOne() {
        ScriptedTextGeneration llm = ScriptedTextGeneration.answering(answer("2; 1; "), answer("; 1; "));

        assertThat(new TaskDecompositionAdapter(llm).decompose(LAUNCH)).hasSize(3);
        assertThat(llm.requests().get(1).prompt().toString()).contains("depend on each other in a cycle");
    }

    @ParameterizedTest
    @CsvSource({"Too short, it has 9 characters", "'          ', blank"})
    void shouldBeUnreadableWhenATitleIsNone(String title, String why) {
        String answer = answer("; ; ").replace("Do number 1", title);
        ScriptedTextGeneration llm = ScriptedTextGeneration.answering(answer, answer);

        assertThatExceptionOfType(UnreadableAnswerException.class)
                .isThrownBy(() -> new TaskDecompositionAdapter(llm).decompose(LAUNCH))
                .withMessageContaining("subtasks[0]")
                .withMessageContaining(why);
    }

    @Test
    void shouldLetEachDependOnEarlierOnesOnlyWhenTheSchemaIsKept() throws Exception {
        ScriptedTextGeneration llm = ScriptedTextGeneration.answering(answer("; ; "));
        new TaskDecompositionAdapter(llm).decompose(LAUNCH);

        ResponseFormat.JsonSchema format =
                (ResponseFormat.JsonSchema) llm.requests().get(0).responseFormat();
        JsonNode subtasks = new JsonMapper().readTree(format.schema()).at("/properties/subtasks");
        assertThat(subtasks.path("minItems").intValue()).isEqualTo(3);
        assertThat(subtasks.path("maxItems").intValue()).isEqualTo(5);
        assertThat(subtasks.path("items").isBoolean()).isTrue();
        assertThat(subtasks.path("prefixItems")).hasSize(5);
        assertThat(subtasks.at("/prefixItems/3/properties/dependsOn")).isEqualTo(new JsonMapper().readTree("""
                                {"type": "array", "items": {"enum": [1, 2, 3]}, "maxItems": 3, "description":
                                 "the numbers of the subtasks that must be done before, counted from 1; often none"}"""));
        assertThat(subtasks.at("/prefixItems/0/properties/dependsOn/maxItems").intValue())
                .isZero();
        assertThat(subtasks.at("/prefixItems/0/properties/title/maxLength").intValue())
                .isEqualTo(100);
    }

    /** Subtasks with these dependencies, parted by semicolons. */
    private static String answer(String dependencies) {
        StringBuilder answer = new StringBuilder("{\"subtasks\": [");
        int number = 0;
        for (String one : dependencies.split(";", -1)) {
            answer.append(number++ == 0 ? "" : ", ")
                    .append("{\"title\": \"Do number %d\", \"dependsOn\": [%s]}".formatted(number, one.strip()));
        }
        return answer.append("]}").toString();
    }
}
