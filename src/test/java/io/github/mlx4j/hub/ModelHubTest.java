package io.github.mlx4j.hub;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mlx4j.device.ProgramFolders;
import io.github.mlx4j.environment.Interpreters;
import io.github.mlx4j.environment.Platform;
import io.github.mlx4j.environment.WorkerProbe;
import io.github.mlx4j.error.ClosedException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tests a hub without a worker; {@code HubIT} uses the real one. */
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
