package io.github.mlx4j.device;

import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.Optional;

/** A configuration that says which backends it could use here; {@code ProviderConfig} is one. */
public interface BackendCandidates {

    /** The only provider that may be used; empty for the first that can run. */
    Optional<ProviderKind> provider();

    /**
     * Each local backend, first choice first, with what is known about it on this machine. Runs the interpreters once
     * to look for packages; starts no worker and loads no model.
     */
    List<BackendFacts> backends();
}
