package io.github.mlx4j.device;

import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.Optional;

/** A configuration that lists the backends it could use here, such as {@code ProviderConfig}. */
public interface BackendCandidates {

    /** Returns the only provider that may be used; empty for the first one that can run. */
    Optional<ProviderKind> provider();

    /**
     * Returns the local backends in order of preference, with what is known about them on this machine. It runs the
     * interpreters once to look for packages, but starts no worker and loads no model.
     */
    List<BackendFacts> backends();
}
