package io.github.mlx4j.event;

import io.github.mlx4j.provider.ProviderKind;

/** A read-only view of a worker. Thread-safe. */
public interface WorkerView {

    /** The provider of the worker. */
    ProviderKind provider();

    /** The model that it loads: a folder or a name. */
    String model();

    /** Its current status and history. */
    WorkerStatus status();
}
