package io.github.mlx4j.model;

import org.jspecify.annotations.Nullable;

/**
 * The model on which an adapter or a set of experts is based.
 *
 * @param name a folder, or a hub id
 * @param foundIn the file and field that names it, such as {@code adapter_config.json: base_model_name_or_path}
 * @param inspection the inspection of the folder; {@code null} for a hub id, or for a folder that can't be read
 */
public record BaseModel(
        String name, String foundIn, @Nullable ModelInspection inspection) {}
