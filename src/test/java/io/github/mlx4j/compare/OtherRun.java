package io.github.mlx4j.compare;

import io.github.mlx4j.error.ConfigurationException;
import java.nio.file.Path;
import java.util.List;

/** Tries to lock a comparison's folder, and prints whether it succeeded. Argument: the folder. */
public final class OtherRun {

    static final ComparisonConfig SETTINGS =
            new ComparisonConfig(3, "/b", "1", "/t", "2", false, null, null, "", null, "mlx", "3", 5, 256, false);

    private OtherRun() {}

    /** Says "opened", or what was wrong. */
    public static void main(String[] args) {
        try (ModelComparison comparison = ModelComparison.open(Path.of(args[0]), SETTINGS, List.of())) {
            System.out.println("opened " + comparison.tasks().size());
        } catch (ConfigurationException refused) {
            System.out.println(refused.reason());
        }
    }
}
