package io.github.mlx4j.compare;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.Prompt;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CodeTestTest {

    private static final CodeTest TEST = new CodeTest("f", List.of(new CodeTest.Call("[]", "1")));
    private static final Prompt CHAT = new Prompt.Chat(List.of(Message.user("Write f.")));
    private static final Prompt START = new Prompt.Raw("def f():\n    \"\"\"Return 1.\"\"\"\n");

    @Test
    void shouldTakeTheBlockThatDefinesTheFunction() {
        String answer =
                "First:\n```sh\npip install f\n```\nThen:\n```python\ndef f():\n    return 1\n```\n`f` is done.";

        assertThat(TEST.code(CHAT, answer)).isEqualTo("def f():\n    return 1\n");
        assertThat(TEST.code(START, answer)).isEqualTo("def f():\n    return 1\n");
        assertThat(TEST.code(CHAT, "```\ndef f():\n    return 1")).isEqualTo("def f():\n    return 1");
    }

    @Test
    void shouldTakeTheAnswerWhenItDefinesTheFunction() {
        assertThat(TEST.code(START, "import math\ndef f():\n    return 1"))
                .isEqualTo("import math\ndef f():\n    return 1");
        assertThat(TEST.code(CHAT, "    return 1")).isEqualTo("    return 1");
    }

    @Test
    void shouldContinueThePromptUpToTheEndOfTheFunction() {
        assertThat(TEST.code(START, "    x = 1\n\n    return x\n\nprint(f())\ndef g(): pass"))
                .isEqualTo("def f():\n    \"\"\"Return 1.\"\"\"\n    x = 1\n\n    return x\n\n");
        assertThat(TEST.code(new Prompt.Raw("def f():\n    return"), " 1\nf()")).isEqualTo("def f():\n    return 1\n");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "2 | 2.0 | true",
                "0.3 | 0.30000000000000004 | true",
                "1e308 | 1e308 | true",
                "1e-999 | 0 | true",
                "1e999 | 1 | false",
                "1e999 | 1.5 | false",
                "1e999 | 1e999 | false",
                "-1e999 | 1e999 | false",
                "1e999999999 | 1e999999999 | false",
                "1e999999999 | 1 | false",
                "[1e999, {\"a\": -1e999}] | [1, {\"a\": 2.5}] | false",
                "1e308 | -1e308 | false",
                "9007199254740992 | 9007199254740993 | false",
                "true | 1 | false",
            })
    void shouldCompareFiniteNumbersOnly(String one, String other, boolean equal) throws Exception {
        JsonMapper json = new JsonMapper();

        assertThat(CodeTest.isEqual(json.readTree(one), json.readTree(other))).isEqualTo(equal);
        assertThat(CodeTest.isEqual(json.readTree(other), json.readTree(one))).isEqualTo(equal);
    }

    @Test
    void shouldNotTakeAnIntegerBeyondTheFloatsForAnyFloat() throws Exception {
        JsonMapper json = new JsonMapper();
        String large = "1" + "0".repeat(400);

        assertThat(CodeTest.isEqual(json.readTree(large), json.readTree("1.5"))).isFalse();
        assertThat(CodeTest.isEqual(json.readTree(large), json.readTree(large))).isTrue();
    }
}
