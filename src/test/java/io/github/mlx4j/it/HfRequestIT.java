package io.github.mlx4j.it;

import io.github.mlx4j.provider.ProviderKind;

/** Tests requests to the hf worker. */
class HfRequestIT extends RequestContract {

    HfRequestIT() {
        super(ProviderKind.HF);
    }
}
