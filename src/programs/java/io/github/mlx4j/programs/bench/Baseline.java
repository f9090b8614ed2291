package io.github.mlx4j.programs.bench;

import io.github.mlx4j.provider.ProviderKind;

/**
 * What mlx4j is compared with on an engine.
 *
 * @param alone the library in process, for one caller
 * @param together the library in process, for several callers
 * @param server the library's own server
 * @param arrivals the library in process, with requests that arrive over time
 */
record Baseline(String alone, String together, String server, String arrivals) {

    private static final Baseline MLX = new Baseline(
            "in-process stream_generate",
            "in-process BatchGenerator",
            "mlx_lm.server + java.net.http",
            "in-process BatchGenerator that requests join as they arrive");
    private static final Baseline HF = new Baseline(
            "in-process generate() with a streamer",
            "in-process generate() of one padded batch",
            "transformers serve + java.net.http",
            "in-process padded batches, one after another");

    static Baseline of(ProviderKind engine) {
        return engine == ProviderKind.MLX ? MLX : HF;
    }
}
