//DEPS io.github.mlx4j:mlx4j:0.1.0-SNAPSHOT

import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.config.LoadConfig;
import io.github.mlx4j.model.ModelInspection;
import io.github.mlx4j.model.ModelInspector;
import io.github.mlx4j.adapter.Verdict;
import java.nio.file.Path;

/** Inspects a model folder and checks which workers can load it, without running its code or reading its weights. */
public class Inspect {

    public static void main(String[] args) throws Exception {
        ModelInspection model = ModelInspector.inspect(Path.of(args[0]));
        System.out.println(model.format().id() + ", " + model.weightBytes() + " bytes of weights");
        try (ProviderFactory providers = ProviderFactory.fromEnv()) {
            for (Verdict verdict : providers.createLoadCheck().check(model, LoadConfig.DEFAULT)) {
                System.out.println(verdict.provider().id() + ": " + verdict.outcome().id() + ", " + verdict.reason());
                verdict.warnings().forEach(warning -> System.out.println("  warning: " + warning));
            }
        }
    }
}
