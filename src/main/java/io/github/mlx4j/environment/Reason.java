package io.github.mlx4j.environment;

/** Why a provider can't run here; a stable code. */
public enum Reason {
    /** The operating system is not macOS. */
    NOT_MACOS,
    /** The operating system is Windows, where the workers don't run. */
    WINDOWS,
    /** The processor is not Apple silicon. */
    NOT_ARM64,
    /** macOS is older than MLX supports. */
    MACOS_TOO_OLD,
    /** There is no Python interpreter where one was looked for. */
    PYTHON_NOT_FOUND,
    /** The interpreter is older than the packages allow. */
    PYTHON_TOO_OLD,
    /** The interpreter is newer than the locked packages have builds for. */
    PYTHON_TOO_NEW,
    /** The interpreter runs as x86_64 (Rosetta) on Apple silicon. */
    PYTHON_NOT_ARM64,
    /** The interpreter does not run, or not within its time. */
    PYTHON_BROKEN,
    /** Files of the managed environment were added or changed after it was made. */
    ENVIRONMENT_CHANGED,
    /** A package is not installed. */
    PACKAGE_MISSING,
    /** A package is installed for the user only, where an isolated worker does not look. */
    PACKAGE_USER_ONLY,
    /** A package is older than the workers need. */
    PACKAGE_TOO_OLD,
    /** A package is installed but can't be imported. */
    PACKAGE_BROKEN,
    /** The program's own configuration leaves this provider out. */
    NOT_WANTED,
    /** An adapter is set, which this provider can't load. */
    NO_ADAPTERS,
    /** No model is known for this provider. */
    NO_MODEL,
    /** The module that talks to a remote provider is not on the class path. */
    MODULE_MISSING,
    /** A remote provider needs a key, and there is none. */
    MISSING_API_KEY,
    /** The server of a remote provider does not answer. */
    NOT_REACHABLE
}
