package io.github.mlx4j.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.JavaCommand;
import io.github.mlx4j.StubPython;
import io.github.mlx4j.error.DependencyMissingException;
import io.github.mlx4j.error.NotSupportedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Uses the real runner; python/tests/test_code.py tests what code can't access. */
@EnabledOnOs(OS.LINUX)
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class CodeRunnerTest {

    private static final CodeTest DOUBLE =
            new CodeTest("double", List.of(new CodeTest.Call("[2]", "4"), new CodeTest.Call("[\"ab\"]", "\"abab\"")));

    private static CodeRunner runner;

    @TempDir
    private Path folder;

    @BeforeAll
    static void start() {
        runner = CodeRunner.start(List.of(FakeWorker.python().toString()));
    }

    @AfterAll
    static void stop() {
        runner.close();
    }

    @Test
    void shouldPassWhenEveryCallReturnsWhatItShould() {
        assertThat(runner.failure(DOUBLE, "def double(x):\n    return x * 2\n")).isEmpty();
    }

    @Test
    void shouldSayWhichCallFailsAndHow() {
        assertThat(runner.failure(DOUBLE, "def double(x):\n    return x + x if x == 2 else 'aabb'\n"))
                .contains("double(\"ab\") should return \"abab\": returned \"aabb\"");
        assertThat(runner.failure(DOUBLE, "def double(x):\n    return 2 ** x // 0\n"))
                .hasValueSatisfying(why -> assertThat(why).startsWith("double(2) should return 4: ZeroDivisionError"));
        assertThat(runner.failure(DOUBLE, "I would double it."))
                .hasValueSatisfying(why -> assertThat(why).contains("SyntaxError"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                // verdicts of its own, on every descriptor, before an early end
                "import os\nfor i in range(64):\n    try: os.write(i, b'{\"passed\": true}\\n')\n    except OSError: pass\nos._exit(0)",
                "print('{\"value\": true}')\nraise SystemExit(0)",
                "import sys\nsys.exit(0)",
                // the harness replaced
                "import json\njson.dumps = lambda *a, **k: '{\"value\": true}'\ndef double(x): return 0",
                "import sys\nfor m in list(sys.modules.values()):\n    m.__dict__['_write'] = print\ndef double(x): return 0",
                // a value that is equal to everything
                "class A(int):\n    def __eq__(self, other): return True\ndef double(x): return A(7)",
                "class A:\n    def __eq__(self, other): return True\n    __hash__ = None\ndef double(x): return A()",
                // true is no number
                "def double(x): return True",
                // the arguments changed
                "def double(x): return x",
                // more lines than calls
                "import os\ndef double(x):\n    os.write(4, b'{\"value\": 4}\\n') if x == 2 else 0\n    return x * 2",
                "import os\nos._exit(3)"
            })
    void shouldFailWhenCodeClaimsToPass(String code) {
        assertThat(runner.failure(DOUBLE, code)).isPresent();
    }

    @Test
    void shouldFailWhenCodeIsStoppedByALimit() {
        CodeTest once = new CodeTest("f", List.of(new CodeTest.Call("[]", "1")));

        assertThat(runner.failure(once, "def f():\n    while True: pass"))
                .contains("it used more than 10 s of CPU time or ran for more than 30 s");
        assertThat(runner.failure(
                        once,
                        "import os\nwhile True:\n    for i in range(3, 32):\n        try: os.write(i,"
                                + " b'1' * 4096)\n        except OSError: pass"))
                .contains("f() should return 1: returned no readable value");
    }

    /** Two numbers, so that infinity would pass both calls. */
    @ParameterizedTest
    @ValueSource(strings = {"1e999", "-1e999", "1e999999999", "[1e999]", "NaN", "1e99999999999999999999"})
    void shouldFailWhenCodeForgesANumberThatIsCloseToEverything(String forged) {
        CodeTest test = new CodeTest("f", List.of(new CodeTest.Call("[]", "1"), new CodeTest.Call("[]", "2.5")));

        assertThat(runner.failure(
                        test,
                        "import os\nfor i in range(3, 32):\n    try: os.write(i, b'{\"value\": " + forged
                                + "}\\n' * 2)\n    except OSError: pass\nos._exit(0)"))
                .hasValueSatisfying(why -> assertThat(why).startsWith("f() should return 1: "));
    }

    @Test
    void shouldCompareValuesAsPythonDoes() {
        CodeTest test = new CodeTest(
                "f", List.of(new CodeTest.Call("[]", "{\"a\": [1, 0.3], \"b\": null, \"1\": 12345678901234567890}")));

        assertThat(runner.failure(test, "def f(): return {'b': None, 'a': (1.0, 0.1 + 0.2), 1: 12345678901234567890}"))
                .isEmpty();
        assertThat(runner.failure(test, "def f(): return {'b': None, 'a': (1.0, 0.1 + 0.2), 1: 12345678901234567891}"))
                .isPresent();
        assertThat(runner.failure(test, "def f(): return {'a': [1, 0.3], 'b': None}"))
                .isPresent();
    }

    @Test
    void shouldSolveEveryBuiltInTask() throws IOException {
        String solutions = Files.readString(Path.of("src/test/resources/evaluation/solutions.py"));

        assertThat(TaskSet.builtIn().tasks())
                .filteredOn(task -> task.test() != null)
                .hasSizeGreaterThanOrEqualTo(12)
                .allSatisfy(task -> assertThat(runner.failure(task.test(), solutions))
                        .as(task.id())
                        .isEmpty());
    }

    @Test
    void shouldHaveNoVariablesOfThisProgram() {
        CodeTest test = new CodeTest("f", List.of(new CodeTest.Call("[]", "[]")));

        assertThat(System.getenv()).containsKey("PATH");
        assertThat(runner.failure(
                        test,
                        "import os\ndef f(): return sorted(set(os.environ) - {'TMPDIR', 'LC_CTYPE',"
                                + " '__CF_USER_TEXT_ENCODING'})"))
                .isEmpty();
    }

    @Test
    void shouldNotStartWhenTheSystemCanNotRestrictIt() throws IOException {
        Path python = StubPython.script(
                folder.resolve("python"),
                "#!/bin/sh",
                "echo '{\"missing\": [\"Landlock, which restricts writing, is not there.\"]}'",
                "exit 3");

        assertThatExceptionOfType(NotSupportedException.class)
                .isThrownBy(() -> CodeRunner.start(List.of(python.toString())))
                .withMessageContaining("Landlock, which restricts writing, is not there.")
                .withMessageContaining("without --allow-code");
    }

    @Test
    void shouldNotStartWhenThePythonCanNotRunIt() throws IOException {
        Path python = StubPython.script(folder.resolve("python"), "#!/bin/sh", "echo too old >&2", "exit 1");

        assertThatExceptionOfType(DependencyMissingException.class)
                .isThrownBy(() -> CodeRunner.start(List.of(python.toString())))
                .withMessageContaining("exit code 1. too old");
    }

    @Test
    void shouldLeaveNoProcessAndNoFolderWhenTheProgramIsTerminated() throws Exception {
        Process program = new ProcessBuilder(JavaCommand.of(
                        "-Djava.io.tmpdir=" + folder,
                        "-cp",
                        System.getProperty("java.class.path"),
                        CodeRunnerTest.class.getName(),
                        FakeWorker.python().toString()))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        List<ProcessHandle> family = List.of();
        try {
            assertThat(program.inputReader().readLine()).isEqualTo("started");
            await().until(() -> program.descendants().count() >= 3); // the runner, the code and its guard
            family = program.descendants().toList();
            program.destroy();

            assertThat(program.waitFor(1, TimeUnit.MINUTES)).isTrue();
            for (ProcessHandle one : family) {
                one.onExit().get(1, TimeUnit.MINUTES);
            }
            assertThat(folder).isEmptyDirectory();
        } finally {
            program.destroyForcibly();
            family.forEach(ProcessHandle::destroyForcibly);
        }
    }

    /** Runs code that does not end, with the Python that is given. */
    public static void main(String[] args) {
        try (CodeRunner runner = CodeRunner.start(List.of(args[0]))) {
            System.out.println("started");
            runner.failure(
                    new CodeTest("f", List.of(new CodeTest.Call("[]", "1"))), "import time\ndef f(): time.sleep(25)");
        }
    }
}
