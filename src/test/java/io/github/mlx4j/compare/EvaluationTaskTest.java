package io.github.mlx4j.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mlx4j.compare.EvaluationTask.Match;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.Prompt;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EvaluationTaskTest {

    @TempDir
    private Path folder;

    private Path file;

    @BeforeEach
    void nameFile() {
        file = folder.resolve("tasks.jsonl");
    }

    @Test
    void shouldReadEveryFieldWhenTheyAreThere() throws IOException {
        Files.writeString(file, """
                {"prompt": "1+1=", "expected": "2"}

                {"id": "sky", "messages": [{"role": "system", "content": "Brief."}, {"role": "user", "content": "Why?"}], "expected": "blue", "match": "contains", "max_tokens": 9}
                {"id": 7, "tokens": [1, 2], "expected": "a+", "match": "regex"}
                """);

        assertThat(EvaluationTask.read(file))
                .containsExactly(
                        new EvaluationTask("1", new Prompt.Raw("1+1="), "2", Match.EXACT, null),
                        new EvaluationTask(
                                "sky",
                                new Prompt.Chat(List.of(Message.system("Brief."), Message.user("Why?"))),
                                "blue",
                                Match.CONTAINS,
                                9),
                        new EvaluationTask("7", new Prompt.Tokens(List.of(1, 2)), "a+", Match.REGEX, null));
    }

    @Test
    void shouldReadTheTestOfCode() throws IOException {
        Files.writeString(file, """
                {"prompt": "def f(a):", "stop": ["\\n\\n"], "function": "f", "calls": [{"arguments": [1, "é"], "returns": null}]}
                """);

        EvaluationTask task = EvaluationTask.read(file).get(0);

        assertThat(task.stop()).containsExactly("\n\n");
        assertThat(task.test()).isEqualTo(new CodeTest("f", List.of(new CodeTest.Call("[1,\"é\"]", "null"))));
        assertThat(task.isJudged()).isTrue();
    }

    @Test
    void shouldReadTheBuiltInTasks() {
        TaskSet set = TaskSet.builtIn();

        assertThat(set.tasks()).hasSizeBetween(24, 60).allMatch(EvaluationTask::isJudged);
        assertThat(set.tasks()).extracting(EvaluationTask::id).doesNotHaveDuplicates();
        assertThat(set.tasks().subList(0, 10))
                .as("the first ones have both kinds")
                .anyMatch(task -> task.test() != null)
                .anyMatch(task -> task.match() == Match.NUMBER);
    }

    @Test
    void shouldReadItWhenItHasAByteOrderMarkAndCrlf() throws IOException {
        Files.writeString(file, "\uFEFF{\"prompt\": \"Grüße\u2028!\"}\r\n{\"prompt\": \"b\"}\r\n");

        assertThat(EvaluationTask.read(file))
                .extracting(EvaluationTask::prompt)
                .containsExactly(new Prompt.Raw("Grüße\u2028!"), new Prompt.Raw("b"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"prompt\": | it is not JSON (",
                "[1] | it is not a JSON object.",
                "{\"prompt\": \"a\"} {} | it is not JSON (",
                "{\"prompt\": \"a\", \"prompt\": \"b\"} | it is not JSON (Duplicate field 'prompt')",
                "{\"promt\": \"a\"} | it has the field 'promt', but can have calls, expected, function, id, ",
                "{\"id\": \"a\"} | it must have exactly one of prompt, messages and tokens, but has none.",
                "{\"prompt\": \"a\", \"tokens\": [1]} | it must have exactly one of prompt, messages and tokens, but has prompt and tokens.",
                "{\"prompt\": 3} | prompt must be a non-blank string.",
                "{\"prompt\": \" \"} | prompt must be a non-blank string.",
                "{\"messages\": []} | messages must be a non-empty list.",
                "{\"messages\": [{\"role\": \"tool\", \"content\": \"a\"}]} | a message needs a role (system, user or assistant)",
                "{\"messages\": [{\"role\": \"user\"}]} | a message needs a role",
                "{\"messages\": [4]} | a message needs a role",
                "{\"tokens\": [1, -1]} | tokens has -1, which is not a token id.",
                "{\"prompt\": \"a\", \"match\": \"exact\"} | it has match but not expected.",
                "{\"prompt\": \"a\", \"expected\": \"b\", \"match\": \"fuzzy\"} | match is 'fuzzy', but must be exact,",
                "{\"prompt\": \"a\", \"expected\": \"(\", \"match\": \"regex\"} | expected is not a valid regular expression (",
                "{\"prompt\": \"a\", \"expected\": \"b\", \"match\": \"number\"} | expected contains no number.",
                "{\"prompt\": \"a\", \"stop\": [\"\"]} | stop must be a list of strings.",
                "{\"prompt\": \"a\", \"calls\": []} | function must be a non-blank string.",
                "{\"prompt\": \"a\", \"function\": \"f\"} | calls must be a non-empty list.",
                "{\"prompt\": \"a\", \"function\": \"f\", \"calls\": [{\"arguments\": [], \"returns\": [{\"a\": 1e999}]}]} |"
                        + " calls has a number that is too large for a float, such as 1e999.",
                "{\"prompt\": \"a\", \"function\": \"f\", \"calls\": [{\"arguments\": [-1e999999999], \"returns\": 1}]} |"
                        + " calls has a number that is too large for a float, such as 1e999.",
                "{\"prompt\": \"a\", \"function\": \"f(\", \"calls\": [1]} | function is not a valid Python function name.",
                "{\"prompt\": \"a\", \"function\": \"f\", \"calls\": [{\"arguments\": 1, \"returns\": 1}]} | a call needs ",
                "{\"prompt\": \"a\", \"function\": \"f\", \"calls\": [1], \"expected\": \"b\"} | it has expected, but is judged by calls.",
                "{\"prompt\": \"a\", \"expected\": null} | expected must be a non-blank string.",
                "{\"prompt\": \"a\", \"max_tokens\": 0} | max_tokens must be a whole number of at least 1.",
                "{\"prompt\": \"a\", \"id\": \"1\"} | the id '1' is already used in line 1."
            })
    void shouldSayWhichLineAndWhyWhenItIsBad(String line, String why) throws IOException {
        Files.writeString(file, "{\"prompt\": \"good\"}\n\n" + line + "\n");

        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> EvaluationTask.read(file))
                .withMessageStartingWith(file + ", line 3: " + why);
    }

    @Test
    void shouldSayWhyWhenTheFileCanNotBeRead() throws IOException {
        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> EvaluationTask.read(file))
                .withMessageContaining("can't be read");
        Files.writeString(file, "\n \n");
        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> EvaluationTask.read(file))
                .withMessageStartingWith(file + " is empty.");
        Files.write(file, "{\"prompt\": \"é\"}".getBytes(StandardCharsets.ISO_8859_1));
        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> EvaluationTask.read(file))
                .withMessageStartingWith(file + " is not UTF-8.");
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            value = {
                "EXACT, 42, ` 42\n`, true",
                "EXACT, 42, 42., false",
                "EXACT, Paris, paris, false",
                "CONTAINS, 42, It is 42., true",
                "CONTAINS, 42, It is 4 2., false",
                "REGEX, ^4\\d$, ` 42`, true",
                "REGEX, 4\\d, 142, true",
                "REGEX, ^4\\d$, 142, false",
                "NUMBER, ` 1234`, ` 12 x 3 = ...\n#### $1,234.00`, true",
                "NUMBER, -3, It is -3., true",
                "NUMBER, 3, It is -3., false",
                "NUMBER, 12, 12 or 13, false",
                "NUMBER, 12, twelve, false"
            })
    void shouldJudgeAnAnswerWhenSomethingIsExpected(Match match, String expected, String answer, boolean passes) {
        assertThat(new EvaluationTask("1", new Prompt.Raw("a"), expected, match, null).passes(answer))
                .contains(passes);
    }

    @Test
    void shouldNotJudgeWhenNothingIsExpected() {
        EvaluationTask task = new EvaluationTask("1", new Prompt.Raw("a"), null, Match.EXACT, null);

        assertThat(task.passes("b")).isEmpty();
        assertThat(task.scored()).isEmpty();
    }
}
