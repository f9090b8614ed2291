package io.github.mlx4j.cli.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.FakeWorker;
import io.github.mlx4j.StubPython;
import io.github.mlx4j.error.DependencyMissingException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.ModelNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Downloads with a replacement for the wandb package, in a separate environment. */
@Timeout(60)
class WandbArtifactTest {

    private static final String KEY = "0123456789abcdef";
    private static final String STUB = """
            import json, os, sys

            class Artifact:
                def __init__(self, name):
                    self.name = name
                    self.version = "../v3" if "odd" in name else "v3"

                def download(self, root=None, allow_missing_references=False, skip_cache=None, path_prefix=None,
                             multipart=None):
                    print("wandb:   1 of 1 files downloaded.")
                    sys.stderr.write("wandb: logged in with " + os.environ.get("WANDB_API_KEY", "nothing") + "\\n")
                    os.makedirs(root)
                    with open(os.path.join(root, "seen.json"), "w") as seen:
                        json.dump({"name": self.name, "argv": sys.argv, "environment": dict(os.environ)}, seen)
                    return root

            class Api:
                def artifact(self, name, type=None):
                    if "gone" in name:
                        raise ValueError("artifact not found with key " + os.environ.get("WANDB_API_KEY", ""))
                    return Artifact(name)
            """;

    private final List<String> progress = new CopyOnWriteArrayList<>();

    @TempDir
    private Path folder;

    @Test
    void shouldReadItsPartsWhenTheFormIsRight() {
        assertThat(WandbArtifact.parse("my-team/Project_1/run-7.model:v12"))
                .isEqualTo(new WandbArtifact("my-team", "Project_1", "run-7.model", "v12"))
                .hasToString("my-team/Project_1/run-7.model:v12");
        assertThat(WandbArtifact.parse("e/p/n:latest").version()).isEqualTo("latest");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "e/p/n",
                "p/n:v1",
                "e/p/n:",
                "e/p/../n:v1",
                "e/../n:v1",
                "e/p/n:v1:v2",
                "-e/p/n:v1",
                "e/p /n:v1",
                "e/p/n:v1\n"
            })
    void shouldRefuseWhenTheFormIsWrong(String name) {
        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> WandbArtifact.parse(name))
                .withMessageContaining("ENTITY/PROJECT/NAME:VERSION");
    }

    @Test
    void shouldFetchItIntoAFolderOfItsVersion() throws Exception {
        Path got = fetch("e/p/n:latest", python(true));

        assertThat(got).isEqualTo(folder.resolve("artifacts/e/p/n/v3"));
        JsonNode seen = new JsonMapper().readTree(got.resolve("seen.json").toFile());
        assertThat(seen.path("name").asText()).isEqualTo("e/p/n:latest");
        assertThat(seen.path("environment").path("WANDB_API_KEY").asText()).isEqualTo(KEY);
        assertThat(seen.path("environment").path("WANDB_BASE_URL").asText()).isEqualTo("https://wandb.example");
        assertThat(seen.path("environment").has("OTHER_SECRET")).isFalse();
        assertThat(seen.path("argv").toString()).doesNotContain(KEY);
        assertThat(progress).containsExactly("wandb: downloading e/p/n:latest", "wandb: logged in with ***");
    }

    @Test
    void shouldSayHowToInstallItWhenThePackageIsMissing() throws Exception {
        String python = python(false);

        assertThatExceptionOfType(DependencyMissingException.class)
                .isThrownBy(() -> fetch("e/p/n:v3", python))
                .withMessage("The Python " + python + " can't import wandb: No module named 'wandb'. What to do: Run `"
                        + python
                        + " -m pip install wandb` in an environment, or specify another Python with --wandb_python.");
    }

    @Test
    void shouldSayWhatWandbSaysWhenItRefuses() throws Exception {
        String python = python(true);

        assertThatExceptionOfType(ModelNotFoundException.class)
                .isThrownBy(() -> fetch("e/p/gone:v3", python))
                .withMessageStartingWith(
                        "wandb could not download e/p/gone:v3: ValueError: artifact not found with key ***");
        assertThatExceptionOfType(ModelNotFoundException.class)
                .isThrownBy(() -> fetch("e/p/odd:v3", python))
                .withMessageContaining("its version is '../v3', not a number after v");
    }

    @Test
    void shouldSayThatThereIsNoPythonWhenItIsNotThere() {
        assertThatExceptionOfType(DependencyMissingException.class)
                .isThrownBy(() -> fetch("e/p/n:v3", folder.resolve("nosuch").toString()))
                .withMessageContaining("can't be run", "--wandb_python");
    }

    @Test
    void shouldSaySoWhenThePythonDoesNotAnswer() throws IOException {
        Path silent = StubPython.script(folder.resolve("silent"), "#!/bin/sh", "echo hello");
        Path failing = StubPython.script(folder.resolve("failing"), "#!/bin/sh", "echo oops >&2", "exit 3");

        assertThatExceptionOfType(DependencyMissingException.class)
                .isThrownBy(() -> fetch("e/p/n:v3", silent.toString()))
                .withMessageStartingWith("The Python " + silent + " returned an unexpected answer.");
        assertThatExceptionOfType(DependencyMissingException.class)
                .isThrownBy(() -> fetch("e/p/n:v3", failing.toString()))
                .withMessageStartingWith("The Python " + failing + " ended with exit code 3.");
        assertThat(progress).contains("oops");
    }

    private Path fetch(String name, String python) {
        Map<String, String> environment =
                Map.of("WANDB_API_KEY", KEY, "WANDB_BASE_URL", "https://wandb.example", "OTHER_SECRET", "secret");
        return WandbArtifact.parse(name).download(folder.resolve("artifacts"), python, environment, progress::add);
    }

    /** The interpreter of a new environment, with or without the stand-in. */
    private String python(boolean withWandb) throws Exception {
        Path environment = folder.resolve("env");
        int exit = new ProcessBuilder(
                        FakeWorker.python().toString(), "-m", "venv", "--without-pip", environment.toString())
                .inheritIO()
                .start()
                .waitFor();
        assertThat(exit).isZero();
        if (withWandb) {
            try (Stream<Path> packages = Files.find(
                    environment, 4, (path, attributes) -> path.endsWith("site-packages") && attributes.isDirectory())) {
                Path wandb =
                        Files.createDirectory(packages.findFirst().orElseThrow().resolve("wandb"));
                Files.writeString(wandb.resolve("__init__.py"), STUB);
            }
        }
        return environment.resolve("bin/python").toString();
    }
}
