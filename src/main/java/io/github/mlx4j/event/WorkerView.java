package io.github.mlx4j.event;

import io.github.mlx4j.provider.ProviderKind;

/** A worker as others may see it. Thread-safe. */
public interface WorkerView {

    /** Whose worker it is. */
    ProviderKind provider();

    /** The model that it has, or will have: a folder, or a name. */
    String model();

    /** How it is now, and what became of it so far. */
    WorkerStatus status();
}
