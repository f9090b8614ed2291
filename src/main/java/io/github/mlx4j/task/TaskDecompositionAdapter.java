package io.github.mlx4j.task;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mlx4j.answer.AnswerType;
import io.github.mlx4j.answer.Description;
import io.github.mlx4j.answer.Size;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.port.TextGenerationPort;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** Decomposes tasks with a model. Thread-safe. */
public final class TaskDecompositionAdapter implements TaskDecompositionPort {

    private static final int MAX_TOKENS = 1024;
    private static final int MAX = 5;
    private static final AnswerType<Subtasks> ANSWER = AnswerType.of(Subtasks.class);

    private final ModelQuestion<Subtasks> question;

    record Part(
            @Description("one line that says what to do") @Size(min = 10, max = 100)
            String title,

            @Description("the numbers of the subtasks that must be done before, counted from 1; often none")
            Set<Integer> dependsOn) {

        Part {
            title = ModelQuestion.line(title);
        }
    }

    record Subtasks(
            @Description("in the order in which they can be done") @Size(min = 3, max = MAX)
            List<Part> subtasks) {

        Subtasks {
            order(subtasks);
        }

        /**
         * Sorts the numbers of the parts so that each part comes after those it depends on.
         *
         * @throws IllegalArgumentException if there is no such order
         */
        static List<Integer> order(List<Part> parts) {
            List<Integer> left = new ArrayList<>(
                    IntStream.rangeClosed(1, parts.size()).boxed().toList());
            List<Integer> order = new ArrayList<>();
            for (int number : left) {
                for (int before : parts.get(number - 1).dependsOn()) {
                    if (before < 1 || before > parts.size()) {
                        throw new IllegalArgumentException("subtask %d depends on %d, but there are subtasks 1 to %d"
                                .formatted(number, before, parts.size()));
                    }
                }
            }
            while (!left.isEmpty()) {
                Integer next = left.stream()
                        .filter(number ->
                                order.containsAll(parts.get(number - 1).dependsOn()))
                        .findFirst()
                        .orElseThrow(() -> new IllegalArgumentException(
                                "the subtasks %s depend on each other in a cycle, so none of them can come first"
                                        .formatted(left)));
                left.remove(next);
                order.add(next);
            }
            return order;
        }
    }

    /** Creates an adapter that generates text with the given port. */
    public TaskDecompositionAdapter(TextGenerationPort llm) {
        question = new ModelQuestion<>(llm, "decomposition", ANSWER, ResponseFormat.jsonSchema(schema()), MAX_TOKENS);
    }

    @Override
    public List<Subtask> decompose(Task task) {
        List<Part> parts = question.ask(task).subtasks();
        List<Integer> order = Subtasks.order(parts);
        return order.stream()
                .map(number -> new Subtask(
                        id(task, order, number),
                        task.id(),
                        parts.get(number - 1).title(),
                        task.assignee(),
                        task.dueDate(),
                        parts.get(number - 1).dependsOn().stream()
                                .map(before -> id(task, order, before))
                                .toList()))
                .toList();
    }

    private static String id(Task task, List<Integer> order, Integer number) {
        return task.id() + "." + (order.indexOf(number) + 1);
    }

    /**
     * Returns the answer's schema, restricted so that a part can depend only on earlier parts, which rules out cycles.
     */
    static String schema() {
        try {
            JsonNode schema = new JsonMapper().readTree(ANSWER.schema());
            ObjectNode parts = (ObjectNode) schema.at("/properties/subtasks");
            JsonNode part = parts.remove("items");
            ArrayNode each = parts.putArray("prefixItems");
            for (int before = 0; before < MAX; before++) {
                ObjectNode one = part.deepCopy();
                ObjectNode dependsOn = (ObjectNode) one.at("/properties/dependsOn");
                dependsOn.put("maxItems", before);
                ArrayNode numbers = dependsOn.putObject("items").putArray("enum");
                IntStream.rangeClosed(1, Math.max(1, before)).forEach(numbers::add); // an enum must not be empty
                each.add(one);
            }
            parts.put("items", false);
            return schema.toString();
        } catch (JsonProcessingException error) {
            throw new IllegalStateException(error);
        }
    }
}
