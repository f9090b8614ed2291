package io.github.mlx4j.remote;

import io.github.mlx4j.error.NotSupportedException;
import io.github.mlx4j.provider.ProviderKind;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Collects the options of a request that a provider does not support. */
final class UnsupportedOptions {

    private final ProviderKind kind;
    private final List<String> names = new ArrayList<>();

    UnsupportedOptions(ProviderKind kind) {
        this.kind = kind;
    }

    /** Adds an option if it is set to anything but {@code off}, the value that disables it. */
    UnsupportedOptions ifSet(String name, @Nullable Object value, @Nullable Object off) {
        if (value != null && !value.equals(off)) {
            names.add(name);
        }
        return this;
    }

    /** Fails with an error that names all collected options, if there are any. */
    void refuse() {
        if (!names.isEmpty()) {
            throw new NotSupportedException(
                    kind.id() + " does not support " + String.join(", ", names) + ".",
                    "Leave it out, or use another provider.");
        }
    }
}
