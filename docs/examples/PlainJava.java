//DEPS io.github.mlx4j:mlx4j:0.1.0-SNAPSHOT

import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.answer.Description;
import io.github.mlx4j.task.Enhancement;
import io.github.mlx4j.answer.Size;
import io.github.mlx4j.task.Subtask;
import io.github.mlx4j.task.Task;
import java.util.List;

/** A record as the result, and a task that is enhanced and decomposed. */
public class PlainJava {

    enum Unit {
        GRAM,
        PIECE
    }

    record Ingredient(@Size(min = 1, max = 30) String name, int amount, Unit unit) {}

    @Description("a recipe for two")
    record Recipe(@Size(min = 1, max = 60) String title, @Size(min = 1, max = 5) List<Ingredient> ingredients) {}

    public static void main(String[] args) {
        try (ProviderFactory providers = ProviderFactory.fromEnv()) {
            Recipe recipe = providers.createTextGenerationAdapter().generate("A pancake recipe", Recipe.class);
            System.out.println(recipe.title());
            for (Ingredient ingredient : recipe.ingredients()) {
                System.out.println("- " + ingredient.amount() + " " + ingredient.unit() + " " + ingredient.name());
            }

            Task task = new Task("Launch the spring newsletter");
            Enhancement clearer = providers.createEnhancementAdapter().enhance(task);
            System.out.println(clearer.content());
            clearer.acceptanceCriteria().forEach(criterion -> System.out.println("done when: " + criterion));

            for (Subtask subtask : providers.createTaskDecompositionAdapter().decompose(task)) {
                System.out.println(subtask.title() + ", after " + subtask.dependsOn());
            }
        }
    }
}
