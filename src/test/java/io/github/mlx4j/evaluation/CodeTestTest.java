package io.github.mlx4j.evaluation;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.port.Message;
import io.github.mlx4j.port.Prompt;
import java.util.List;
import org.junit.jupiter.api.Test;

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
}
