package io.github.mlx4j.internal.worker;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WorkerEnvironmentTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "HOME",
                "PATH",
                "TMPDIR",
                "LANG",
                "LC_ALL",
                "LC_CTYPE",
                "HF_HOME",
                "HF_HUB_CACHE",
                "SSL_CERT_FILE"
            })
    void shouldInheritAVariableWhenAWorkerNeedsIt(String name) {
        assertThat(WorkerEnvironment.from(Map.of(name, "ours"), Map.of())).containsEntry(name, "ours");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "HF_TOKEN",
                "OPENAI_API_KEY",
                "AWS_SECRET_ACCESS_KEY",
                "GITHUB_TOKEN",
                "PYTHONPATH",
                "PYTHONSTARTUP",
                "LD_PRELOAD",
                "DYLD_INSERT_LIBRARIES",
                "path",
                "NOT_LC_ALL"
            })
    void shouldRemoveAVariableWhenItIsNotListed(String name) {
        assertThat(WorkerEnvironment.from(Map.of(name, "ours"), Map.of()))
                .as("null removes it")
                .containsEntry(name, null);
    }

    @Test
    void shouldSetWhatEveryWorkerHas() {
        assertThat(WorkerEnvironment.from(Map.of("HF_HUB_DISABLE_TELEMETRY", "0"), Map.of()))
                .containsOnly(
                        Map.entry("TOKENIZERS_PARALLELISM", "false"),
                        Map.entry("HF_HUB_DISABLE_PROGRESS_BARS", "1"),
                        Map.entry("HF_HUB_DISABLE_TELEMETRY", "1"),
                        Map.entry("PYTORCH_ENABLE_MPS_FALLBACK", "1"));
    }

    @Test
    void shouldTakeTheExtraValueWhenAVariableIsNamedTwice() {
        assertThat(WorkerEnvironment.from(
                        Map.of("HF_HOME", "ours", "HF_HUB_OFFLINE", "0"),
                        Map.of("HF_HOME", "extra", "HF_HUB_OFFLINE", "1")))
                .containsEntry("HF_HOME", "extra")
                .containsEntry("HF_HUB_OFFLINE", "1");
    }
}
