package io.github.mlx4j.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Creates small model folders of every format. */
public final class Folders {

    public static final String CONFIG = """
            {"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 4, "num_attention_heads": 2, "vocab_size": 8,
             "max_position_embeddings": 64, "tie_word_embeddings": true}""";

    private Folders() {}

    public static void write(Path folder, String name, String text) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    /** The config with other fields; a field that is there already is set anew by the last. */
    public static String config(String fields) {
        return CONFIG.substring(0, CONFIG.length() - 1) + ", " + fields + "}";
    }

    public static Path hf(Path folder) throws IOException {
        return model(folder, CONFIG, Safetensors.llama(2).format("pt"));
    }

    public static Path model(Path folder, String config, Safetensors weights) throws IOException {
        write(folder, "config.json", config);
        write(folder, "tokenizer.json", "{}");
        weights.write(folder.resolve("model.safetensors"));
        return folder;
    }

    /** In 4 bits and groups of 4: one word of 32 bits has 8 weights. */
    public static Path mlxQuantized(Path folder) throws IOException {
        Safetensors weights = new Safetensors()
                .format("mlx")
                .tensor("model.embed_tokens.weight", "U32", 8, 1)
                .tensor("model.embed_tokens.scales", "F16", 8, 2)
                .tensor("model.embed_tokens.biases", "F16", 8, 2)
                .tensor("model.layers.0.mlp.up_proj.weight", "U32", 8, 2)
                .tensor("model.layers.0.mlp.up_proj.scales", "F16", 8, 2)
                .tensor("model.layers.0.mlp.up_proj.bias", "F16", 8)
                .tensor("model.norm.weight", "F16", 8);
        String quantization =
                "\"quantization\": {\"group_size\": 4, \"bits\": 4, \"model.layers.0.mlp.up_proj\": {\"bits\": 8}}";
        return model(folder, config(quantization), weights);
    }

    public static Path peftAdapter(Path folder, String base) throws IOException {
        write(folder, "adapter_config.json", """
                {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"],
                 "base_model_name_or_path": "%s"}""".formatted(base));
        new Safetensors().tensor("lora_A.weight", "F32", 8, 4).write(folder.resolve("adapter_model.safetensors"));
        return folder;
    }

    static Path mlxAdapter(Path folder, String base) throws IOException {
        write(folder, "adapter_config.json", """
                {"fine_tune_type": "lora", "num_layers": 2, "model": "%s",
                 "lora_parameters": {"rank": 4, "scale": 20.0, "dropout": 0.0}}""".formatted(base));
        new Safetensors().tensor("lora_a", "F32", 4, 4).write(folder.resolve("adapters.safetensors"));
        return folder;
    }

    /** Form A: the wrapper's weights and config. */
    static Path dyloraWrapped(Path folder) throws IOException {
        return model(
                folder,
                """
                {"base_model_name_or_path": "org/base", "num_experts": 2, "lora_r": 16, "lora_alpha": 32,
                 "lora_dropout": 0.05, "model_type": "dylora-moe", "saved_at": "2025-10-20 09:00:00"}""",
                Safetensors.llama(2, "foundation_model.base_model.model.").tensor("router.gate.weight", "F32", 2, 4));
    }

    /** Form B: the same weights with the base's config. */
    static Path dyloraBaseConfig(Path folder) throws IOException {
        return model(
                folder,
                config("\"base_model_name_or_path\": \"org/base\", \"_dylora_num_experts\": 2, \"_dylora_lora_r\": 16,"
                        + " \"_dylora_trained\": true"),
                Safetensors.llama(2, "foundation_model.base_model.model.").tensor("router.gate.weight", "F32", 2, 4));
    }

    /** Form C: pickled experts and router. */
    static Path dyloraSeparated(Path folder) throws IOException {
        String type = CONFIG.replace("llama", "dylora-moe");
        write(
                folder,
                "config.json",
                type.substring(0, type.length() - 1)
                        + ", \"base_model_name_or_path\": \"org/base\", \"_dylora_num_experts\": 2,"
                        + " \"_dylora_format\": \"peft_separated\"}");
        write(folder, "peft_adapters/expert_0.pt", "pickle");
        write(folder, "peft_adapters/expert_1.pt", "pickle");
        write(folder, "dylo_moe_state/router.pt", "pickle");
        return folder;
    }

    /** Form D: experts as PEFT writes them, one of them in its nested folder. */
    static Path dyloraCheckpoint(Path folder) throws IOException {
        write(folder, "config.json", """
                {"model_type": "dylora-moe", "_dylora_format": "peft_separated", "_dylora_checkpoint_step": 40,
                 "base_model_name_or_path": "org/base", "num_experts": 2, "checkpoint_type": "peft_only"}""");
        peftAdapter(folder.resolve("peft_adapters/expert_0/expert_0"), "org/base");
        peftAdapter(folder.resolve("peft_adapters/expert_1"), "org/base");
        new Safetensors().tensor("gate.weight", "F32", 2, 4).write(folder.resolve("router.safetensors"));
        return folder;
    }
}
