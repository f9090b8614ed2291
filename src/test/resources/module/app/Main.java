package app;

import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.model.ModelInspector;
import io.github.mlx4j.model.registry.ModelRegistry;
import io.github.mlx4j.answer.AnswerType;
import io.github.mlx4j.training.config.TrainingConfig;
import io.github.mlx4j.training.config.TrainingMethod;
import java.nio.file.Path;

/** Prints the answer to a question, after everything that reads or writes records as JSON. */
public class Main {

    record City(String name) {}

    public static void main(String[] args) {
        String module = ProviderFactory.class.getModule().getName();
        String city = AnswerType.of(City.class).read("{\"name\": \"Rome\"}").name();
        int registered = ModelRegistry.builtIn().models().size();
        String format = ModelInspector.inspect(Path.of(args[0])).format().toString();
        TrainingConfig training = TrainingConfig.builder(TrainingMethod.LORA)
                .trainData(Path.of("train.jsonl"))
                .build();
        boolean same = TrainingConfig.fromJson(training.toJson()).equals(training);
        System.out.printf("%s %s %b %s %b%n", module, city, registered > 0, format, same);
        try (ProviderFactory providers = ProviderFactory.fromEnv()) {
            System.out.println(
                    providers.createTextGenerationAdapter().generate(args[1]).text());
        }
    }
}
