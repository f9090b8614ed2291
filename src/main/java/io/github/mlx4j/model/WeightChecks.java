package io.github.mlx4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.model.SafetensorsHeader.Tensor;
import io.github.mlx4j.port.ProviderKind;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Looks at the weights of a model folder: all there, whole, and those that the index names. */
final class WeightChecks {

    private static final String AGAIN = "Download or copy the model again.";
    private static final Pattern SHARD = Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.safetensors");

    private final ModelFolder folder;
    private final List<String> files;
    private final List<Problem> problems = new ArrayList<>();

    private WeightChecks(ModelFolder folder, List<String> files) {
        this.folder = folder;
        this.files = files;
    }

    static List<Problem> of(ModelFolder folder, List<String> files) {
        WeightChecks checks = new WeightChecks(folder, files);
        if (files.isEmpty()) {
            checks.none();
        } else {
            checks.whole();
            checks.read(folder.names())
                    .filter(name -> name.endsWith(Weights.INDEX))
                    .forEach(checks::index);
            checks.shards();
            checks.named();
            checks.once();
        }
        return checks.problems;
    }

    private void none() {
        List<String> pickles =
                folder.names().stream().filter(Weights::isPickle).limit(3).toList();
        problems.add(
                pickles.isEmpty()
                        ? Problem.broken("%s has no weights (*.safetensors).".formatted(folder.path()), AGAIN)
                        : Problem.unsafe(
                                "%s has its weights as pickles only (%s), which can run code when read."
                                        .formatted(folder.path(), Shown.text(String.join(", ", pickles))),
                                "Use a copy with *.safetensors, or convert it."));
    }

    private void whole() {
        read(Weights.topLevel(folder)).forEach(file -> {
            try {
                folder.readHeader(file);
            } catch (ModelLoadException damaged) {
                problems.add(Problem.broken(damaged.reason(), damaged.hint()));
            }
        });
    }

    /**
     * Those of the names that are read: where there is {@code model*.safetensors}, others are a copy for other
     * programs.
     */
    private Stream<String> read(Collection<String> names) {
        boolean usual = Weights.topLevel(folder).stream().anyMatch(name -> name.startsWith("model"));
        return names.stream().filter(name -> !usual || name.startsWith("model"));
    }

    /** Paths in an index could lead anywhere, and transformers reads what isn't safetensors as a pickle. */
    private void index(String index) {
        JsonNode weightMap;
        try {
            weightMap = folder.readJson(index).path("weight_map");
        } catch (ModelLoadException unreadable) {
            problems.add(Problem.broken(unreadable.reason(), unreadable.hint()));
            return;
        }
        if (!weightMap.isObject()) {
            problems.add(Problem.broken("%s in %s has no weight_map.".formatted(index, folder.path()), AGAIN));
            return;
        }
        Map<String, List<String>> tensors = new HashMap<>();
        for (Map.Entry<String, JsonNode> entry : weightMap.properties()) {
            String file = entry.getValue().asText();
            if (!entry.getValue().isTextual() || file.contains("/") || !file.endsWith(Weights.SUFFIX)) {
                problems.add(Problem.unsafe(
                        "%s in %s names weights that are no *.safetensors in that folder: %s."
                                .formatted(index, folder.path(), Shown.text(file)),
                        "Use a whole copy of the model, with its *.safetensors beside its config.json."));
                return;
            }
            tensors.computeIfAbsent(file, none -> new ArrayList<>()).add(entry.getKey());
        }
        tensors.forEach((file, names) -> compare(index, file, names));
    }

    private void compare(String index, String file, List<String> names) {
        if (!folder.names().contains(file)) {
            problems.add(Problem.broken(
                    "%s in %s names %s, which is not there.".formatted(index, folder.path(), Shown.text(file)), AGAIN));
            return;
        }
        folder.header(file).ifPresent(header -> {
            Set<String> there = header.tensors().stream().map(Tensor::name).collect(Collectors.toSet());
            names.stream()
                    .filter(name -> !there.contains(name))
                    .findFirst()
                    .ifPresent(missing -> problems.add(Problem.broken(
                            "%s in %s says that %s has the tensor %s, but it has not."
                                    .formatted(index, folder.path(), Shown.text(file), Shown.text(missing)),
                            AGAIN)));
        });
    }

    /** Without an index the names of the files say how many there should be. */
    private void shards() {
        if (folder.names().stream().anyMatch(name -> name.endsWith(Weights.INDEX))) {
            return;
        }
        for (String file : files) {
            Matcher shard = SHARD.matcher(file);
            if (shard.matches()) {
                long there = files.stream()
                        .filter(other -> other.startsWith(shard.group(1) + "-")
                                && other.endsWith("-of-" + shard.group(3) + Weights.SUFFIX))
                        .count();
                int all = Integer.parseInt(shard.group(3));
                if (there < all) {
                    problems.add(Problem.broken(
                            "%s has %d of %d files of weights like %s."
                                    .formatted(folder.path(), there, all, Shown.text(file)),
                            AGAIN));
                }
                return;
            }
        }
    }

    /** mlx-lm would take a tensor from the one file or the other. */
    private void once() {
        Map<String, String> found = new HashMap<>();
        for (String file :
                Weights.topLevel(folder).stream().filter(Weights::isForMlx).toList()) {
            for (Tensor tensor :
                    folder.header(file).map(SafetensorsHeader::tensors).orElse(List.of())) {
                String other = found.putIfAbsent(tensor.name(), file);
                if (other != null) {
                    problems.add(Problem.broken(
                                    "%s has the tensor %s twice, in %s and %s."
                                            .formatted(
                                                    folder.path(),
                                                    Shown.text(tensor.name()),
                                                    Shown.text(other),
                                                    Shown.text(file)),
                                    "Keep the files of one set of weights in the folder.")
                            .only(ProviderKind.MLX));
                    return;
                }
            }
        }
    }

    /** Each library looks for names of its own. */
    private void named() {
        if (files.stream().noneMatch(Weights::isForMlx)) {
            problems.add(Problem.broken(
                            "mlx-lm reads model*.safetensors only, and %s has none.".formatted(folder.path()),
                            "Rename the weights, or convert the model.")
                    .only(ProviderKind.MLX));
        }
        boolean forHf = folder.has("model" + Weights.SUFFIX)
                || folder.has("model" + Weights.INDEX)
                || folder.json("config.json").has("transformers_weights");
        if (!forHf) {
            problems.add(Problem.broken(
                            "transformers reads model.safetensors, or the files that model.safetensors.index.json names,"
                                    + " and %s has neither.".formatted(folder.path()),
                            AGAIN)
                    .only(ProviderKind.HF));
        }
    }
}
