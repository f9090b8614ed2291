package io.github.mlx4j.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.config.SandboxMode;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.ModelLoadException;
import io.github.mlx4j.error.UnsafeModelException;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.port.TextGenerationPort;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Tests malicious model folders with the real loaders. Code in a folder would create a file named {@code ran}. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class SecurityIT {

    private static final JsonMapper JSON = new JsonMapper();
    private static final Fixture.Known KNOWN = Fixture.known("Who are you?");

    @TempDir
    private Path temp;

    private Path model;

    @BeforeEach
    void copyModelAndPlantCode() throws IOException {
        model = Files.createDirectory(temp.resolve("model"));
        try (Stream<Path> files = Files.list(Fixture.MODEL)) {
            for (Path file : files.toList()) {
                Files.copy(file, model.resolve(file.getFileName()));
            }
        }
        String code = "open(%s, 'w').close()\nclass Evil: pass\n".formatted(JSON.writeValueAsString(ran().toString()));
        Files.writeString(model.resolve("evil.py"), code);
    }

    private Path ran() {
        return temp.resolve("ran");
    }

    @ParameterizedTest
    @EnumSource(names = {"MLX", "HF"})
    void shouldLoadAnArchitectureThatTheEngineHasWithoutRunningTheFoldersOwn(ProviderKind kind) throws IOException {
        change(
                "config.json",
                Map.of("auto_map", Map.of("AutoModelForCausalLM", "evil.Evil", "AutoConfig", "evil.Evil")));
        change("tokenizer_config.json", Map.of("auto_map", Map.of("AutoTokenizer", List.of("evil.Evil", "evil.Evil"))));
        assertAnswers(kind);
    }

    @ParameterizedTest
    @EnumSource(names = {"MLX", "HF"})
    void shouldRefuseAnArchitectureThatOnlyTheFolderHas(ProviderKind kind) throws IOException {
        change(
                "config.json",
                Map.of(
                        "model_type",
                        "evil",
                        "auto_map",
                        Map.of("AutoConfig", "evil.Evil", "AutoModelForCausalLM", "evil.Evil")));
        assertRefuses(kind);
    }

    @ParameterizedTest
    @EnumSource(names = {"MLX", "HF"})
    void shouldRefuseAModelFile(ProviderKind kind) throws IOException {
        change("config.json", Map.of("model_file", "evil.py"));
        assertRefuses(kind);
    }

    @ParameterizedTest
    @EnumSource(names = {"MLX", "HF"})
    void shouldReadSafetensorsWherePicklesLieBesideThem(ProviderKind kind) throws IOException {
        Files.writeString(model.resolve("pytorch_model.bin"), "cposix\nsystem\n(S'touch " + ran() + "'\ntR.");
        assertAnswers(kind);
    }

    @ParameterizedTest
    @EnumSource(names = {"MLX", "HF"})
    void shouldRefuseAnIndexThatNamesAPickle(ProviderKind kind) throws IOException {
        Files.delete(model.resolve("model.safetensors"));
        Files.writeString(model.resolve("other.safetensors"), "");
        Files.writeString(model.resolve("pytorch_model.bin"), "cposix\nsystem\n(S'touch " + ran() + "'\ntR.");
        JSON.writeValue(
                model.resolve("model.safetensors.index.json").toFile(),
                Map.of("metadata", Map.of(), "weight_map", Map.of("lm_head.weight", "pytorch_model.bin")));
        assertRefuses(kind);
    }

    @ParameterizedTest
    @EnumSource(names = {"MLX", "HF"})
    void shouldRefuseAnIndexThatLeavesTheFolder(ProviderKind kind) throws IOException {
        Files.move(model.resolve("model.safetensors"), temp.resolve("outside.safetensors"));
        Files.writeString(model.resolve("other.safetensors"), "");
        JSON.writeValue(
                model.resolve("model.safetensors.index.json").toFile(),
                Map.of("metadata", Map.of(), "weight_map", Map.of("lm_head.weight", "../outside.safetensors")));
        assertRefuses(kind);
    }

    @ParameterizedTest
    @MethodSource("linksOutOfTheFolder")
    void shouldRefuseLinksOutOfTheFolder(ProviderKind kind, String name) throws IOException {
        Path outside = temp.resolve("outside-" + name);
        Files.move(model.resolve(name), outside);
        Files.createSymbolicLink(model.resolve(name), outside);
        assertRefuses(kind);
    }

    static Stream<Arguments> linksOutOfTheFolder() {
        return onBoth("config.json", "tokenizer.json", "chat_template.jinja");
    }

    @ParameterizedTest
    @EnumSource(names = {"MLX", "HF"})
    void shouldRefuseALinkToItself(ProviderKind kind) throws IOException {
        Files.createSymbolicLink(model.resolve("loop"), Path.of("loop"));
        assertRefuses(kind);
    }

    @ParameterizedTest
    @EnumSource(names = {"MLX", "HF"})
    void shouldRefuseALinkOutOfAFolderInTheFolder(ProviderKind kind) throws IOException {
        Files.createDirectory(model.resolve("more"));
        Files.createSymbolicLink(model.resolve("more").resolve("passwords"), Path.of("/etc/passwd"));
        assertRefuses(kind);
    }

    @ParameterizedTest
    @MethodSource("templatesThatGoTooFar")
    void shouldEndAChatTemplateThatGoesTooFarAndServeOn(ProviderKind kind, String template) throws IOException {
        Files.writeString(model.resolve("chat_template.jinja"), template.replace("RAN", ran().toString()));
        try (ProviderFactory providers = unrestricted(kind)) {
            TextGenerationPort llm = providers.createTextGenerationAdapter();
            assertThatThrownBy(() -> llm.generate("Who are you?"))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("chat template");
            String raw = "<|im_start|>user\nWho are you?<|im_end|>\n<|im_start|>assistant\n";
            assertThat(llm.generate(GenerationRequest.raw(raw)).text()).isEqualTo(KNOWN.text());
        }
        assertThat(ran()).doesNotExist();
    }

    static Stream<Arguments> templatesThatGoTooFar() {
        return onBoth(
                "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
                "{% for a in range(9999) %}{{ 'x' * 100000 }}{% endfor %}",
                "{{ 'x' * 3000000000 }}",
                "{{ ''.__class__.__mro__[1].__subclasses__() }}",
                "{{ cycler.__init__.__globals__.os.system('touch RAN') }}");
    }

    private static Stream<Arguments> onBoth(String... cases) {
        return Stream.of(ProviderKind.MLX, ProviderKind.HF)
                .flatMap(kind -> Stream.of(cases).map(one -> Arguments.of(kind, one)));
    }

    /** A factory whose workers could write the file. */
    private ProviderFactory unrestricted(ProviderKind kind) {
        return ProviderFactory.create(Fixture.config(kind)
                .model(kind, model.toString())
                .workers(Fixture.WORKERS.toBuilder().sandbox(SandboxMode.OFF).build())
                .build());
    }

    private void assertAnswers(ProviderKind kind) {
        try (ProviderFactory providers = unrestricted(kind)) {
            assertThat(providers
                            .createTextGenerationAdapter()
                            .generate(KNOWN.request())
                            .text())
                    .isEqualTo(KNOWN.text());
        }
        assertThat(ran()).doesNotExist();
    }

    private void assertRefuses(ProviderKind kind) {
        try (ProviderFactory providers = unrestricted(kind)) {
            TextGenerationPort llm = providers.createTextGenerationAdapter();
            assertThatThrownBy(() -> llm.generate(KNOWN.request()))
                    .isInstanceOfAny(UnsafeModelException.class, ModelLoadException.class);
        }
        assertThat(ran()).doesNotExist();
    }

    private void change(String name, Map<String, Object> changes) throws IOException {
        Path file = model.resolve(name);
        ObjectNode json = (ObjectNode) JSON.readTree(file.toFile());
        changes.forEach((key, value) -> json.set(key, JSON.valueToTree(value)));
        JSON.writeValue(file.toFile(), json);
    }
}
