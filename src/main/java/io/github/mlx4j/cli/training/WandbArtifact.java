package io.github.mlx4j.cli.training;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.DependencyMissingException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.ModelNotFoundException;
import io.github.mlx4j.internal.process.BundledScripts;
import io.github.mlx4j.internal.process.IsolatedProcess;
import io.github.mlx4j.internal.process.PrivateFiles;
import io.github.mlx4j.internal.process.WorkerEnvironment;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A Weights &amp; Biases artifact, downloaded with the {@code wandb} package of a Python interpreter. Only that process
 * receives the key, in its environment.
 *
 * @param entity the user or team that owns it
 * @param project its project
 * @param name its name
 * @param version {@code v3}, or an alias such as {@code latest}
 */
record WandbArtifact(String entity, String project, String name, String version) {

    private static final String KEY = "WANDB_API_KEY";
    private static final String PART = "([A-Za-z0-9_][A-Za-z0-9_.-]*)";
    private static final Pattern FORM = Pattern.compile(PART + "/" + PART + "/" + PART + ":" + PART);

    /** Reads ENTITY/PROJECT/NAME:VERSION. */
    static WandbArtifact parse(String text) {
        Matcher parts = FORM.matcher(text);
        if (!parts.matches()) {
            throw new InvalidRequestException(
                    "'" + text + "' is not a Weights & Biases artifact.",
                    "Write ENTITY/PROJECT/NAME:VERSION, where VERSION is, for example, v3 or latest.");
        }
        return new WandbArtifact(parts.group(1), parts.group(2), parts.group(3), parts.group(4));
    }

    @Override
    public String toString() {
        return "%s/%s/%s:%s".formatted(entity, project, name, version);
    }

    /**
     * Downloads the artifact into a new folder below {@code folder} and returns the new folder.
     *
     * @param python the path of an interpreter
     * @param environment provides WANDB_API_KEY and WANDB_BASE_URL
     * @param progress receives wandb's output
     */
    Path download(Path folder, String python, Map<String, String> environment, Consumer<String> progress) {
        progress.accept("wandb: downloading " + this);
        String key = environment.getOrDefault(KEY, "");
        JsonNode answer = ask(folder.resolve(entity).resolve(project).resolve(name), python, environment, line -> {
            progress.accept(without(key, line));
        });
        String message = without(key, answer.path("message").asText());
        switch (answer.path("error").asText()) {
            case "" -> {
                return Path.of(answer.path("folder").asText());
            }
            case "missing" ->
                throw new DependencyMissingException(
                        "The Python " + python + " can't import wandb: " + message + ".",
                        "Run `" + python + " -m pip install wandb` in an environment, or specify another Python with"
                                + " --wandb_python.");
            default ->
                throw new ModelNotFoundException(
                        "wandb could not download " + this + ": " + message,
                        "Check the name, WANDB_API_KEY (or `wandb login`) and WANDB_BASE_URL.");
        }
    }

    private JsonNode ask(Path folder, String python, Map<String, String> environment, Consumer<String> progress) {
        Map<String, String> extra = new HashMap<>(WorkerEnvironment.proxies(System.getProperties()));
        for (String name : List.of(KEY, "WANDB_BASE_URL")) {
            if (environment.containsKey(name)) {
                extra.put(name, environment.get(name));
            }
        }
        try {
            PrivateFiles.createFolders(folder);
            String[] last = {""}; // wandb may print; the answer is the last line
            int exit = IsolatedProcess.run(
                    List.of(
                            python,
                            "-I",
                            "-X",
                            "utf8",
                            "-c",
                            BundledScripts.text("wandb_artifact.py"),
                            toString(),
                            folder.toAbsolutePath().toString()),
                    WorkerEnvironment.from(System.getenv(), WorkerEnvironment.NETWORK, extra),
                    IsolatedProcess.FOREVER,
                    line -> last[0] = line.isBlank() ? last[0] : line,
                    progress);
            if (exit != 0) {
                throw new DependencyMissingException(
                        "The Python %s ended with exit code %d.".formatted(python, exit),
                        "See the output above, or specify another Python with --wandb_python.");
            }
            return new JsonMapper().readTree(last[0]);
        } catch (JsonProcessingException noJson) {
            throw new DependencyMissingException(
                    "The Python " + python + " returned an unexpected answer.",
                    "Specify another one with --wandb_python.",
                    noJson);
        } catch (IOException error) {
            if (!Files.isDirectory(folder)) {
                throw new UncheckedIOException("The folder " + folder + " can't be created", error);
            }
            throw new DependencyMissingException(
                    "The Python " + python + " can't be run: " + error.getMessage(),
                    "Specify another one with --wandb_python.",
                    error);
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            throw new CancelledException("The download of " + this + " was interrupted.", "", interrupt);
        } catch (TimeoutException never) {
            throw new IllegalStateException(never);
        }
    }

    private static String without(String key, String text) {
        return key.isBlank() ? text : text.replace(key, "***");
    }
}
