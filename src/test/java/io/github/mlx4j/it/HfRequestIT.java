package io.github.mlx4j.it;

import io.github.mlx4j.provider.ProviderKind;

/** Requests to the hf worker. */
class HfRequestIT extends RequestContract {

    HfRequestIT() {
        super(ProviderKind.HF);
    }
}
