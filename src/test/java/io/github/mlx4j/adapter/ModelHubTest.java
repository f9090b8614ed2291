package io.github.mlx4j.adapter;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mlx4j.device.ProgramFolders;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.port.ProviderKind;
import io.github.mlx4j.probe.Interpreters;
import io.github.mlx4j.probe.Platform;
import io.github.mlx4j.probe.WorkerProbe;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A hub without a worker; {@code HubIT} has the real one. */
class ModelHubTest {

    @TempDir
    private Path home;

    @Test
    void shouldSayWhyWhenNoWorkerCanRunHere() {
        try (ModelHub hub = hub()) {
            assertThatThrownBy(() -> hub.remove("org/name"))
                    .isInstanceOf(ProviderUnavailableException.class)
                    .hasMessageContaining("hf: ")
                    .hasMessageContaining("/no/such/python")
                    .hasMessageContaining("mlx4j setup");
        }
    }

    @Test
    void shouldRefuseCallsWhenItIsClosed() {
        ModelHub hub = hub();
        hub.close();
        hub.close();

        assertThatThrownBy(() -> hub.remove("org/name")).isInstanceOf(ClosedException.class);
    }

    private ModelHub hub() {
        Interpreters none = new Interpreters("/no/such/python", "PYTHON_PATH", home, ProgramFolders.current());
        return new ModelHub(Map.of(ProviderKind.HF, new WorkerProbe(ProviderKind.HF, Platform.current(), true, none)));
    }
}
