package io.github.mlx4j.internal.worker;

import io.github.mlx4j.port.ProviderKind;
import java.nio.file.Path;
import java.util.Map;

/**
 * What to start.
 *
 * @param kind the kind of worker, for names and messages
 * @param interpreter the Python interpreter, an absolute path
 * @param scripts where the entry script comes from
 * @param environment variables beside those that every worker inherits; never secrets
 */
public record WorkerLaunch(
        ProviderKind kind, Path interpreter, WorkerScripts scripts, Map<String, String> environment) {}
