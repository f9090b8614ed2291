package io.github.mlx4j.environment;

/** The reason why a provider is not available. The names are stable codes. */
public enum Reason {
    /** The operating system is not macOS. */
    NOT_MACOS,
    /** The operating system is Windows, where the workers don't run. */
    WINDOWS,
    /** The processor is not Apple silicon. */
    NOT_ARM64,
    /** The macOS version is older than MLX supports. */
    MACOS_TOO_OLD,
    /** No Python interpreter was found. */
    PYTHON_NOT_FOUND,
    /** The interpreter is older than the packages support. */
    PYTHON_TOO_OLD,
    /** The interpreter is newer than the builds of the locked packages. */
    PYTHON_TOO_NEW,
    /** The interpreter runs as x86_64 (Rosetta) on Apple silicon. */
    PYTHON_NOT_ARM64,
    /** The interpreter does not run, or does not answer in time. */
    PYTHON_BROKEN,
    /** Files of the managed environment were added or changed after it was created. */
    ENVIRONMENT_CHANGED,
    /** A package is not installed. */
    PACKAGE_MISSING,
    /** A package is installed only for the user, and isolated workers don't use such packages. */
    PACKAGE_USER_ONLY,
    /** A package is older than the workers require. */
    PACKAGE_TOO_OLD,
    /** A package is installed but can't be imported. */
    PACKAGE_BROKEN,
    /** The configuration excludes this provider. */
    NOT_WANTED,
    /** An adapter is configured that this provider can't load. */
    NO_ADAPTERS,
    /** No model is known for this provider. */
    NO_MODEL,
    /** The module for remote providers is not on the class path. */
    MODULE_MISSING,
    /** A remote provider needs an API key, and none is configured. */
    MISSING_API_KEY,
    /** The server of a remote provider does not answer. */
    NOT_REACHABLE
}
