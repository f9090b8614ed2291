"""Embeddings of the mlx engine: python -m unittest engine_tests.test_mlx_embedding."""

import json
from unittest import mock

from engine_tests import embedding
from mlx4j_worker.engine.prefill_chunks import ChunkSize
from mlx4j_worker.errors import ModelLoadFailed
from mlx4j_worker.mlx import loading

LONG = "Why is the sky blue? " * 12


class Embedding(embedding.Shared):
    load_engine = staticmethod(loading.load)

    def test_chunks_give_what_the_whole_text_gives(self):
        modes = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
        files = {"config_sentence_transformers.json": {"prompts": {"query": "Q: find what answers this: "}}}
        folder = self.described(*embedding.MODULES[:2], files=files, pooling_mode=modes, include_prompt=False)
        engine = self.load(folder)
        whole = self.vectors(engine, LONG, "sky", promptName="query")
        with mock.patch.object(ChunkSize, "tokens", lambda *_: 5):
            chunked = self.vectors(engine, LONG, "sky", promptName="query")
        for one, other in zip(whole, chunked, strict=True):
            self.assertEqual(6 * 192, one.size)
            self.assert_close(one, other)

    def test_a_config_that_lets_tokens_see_those_after_them_is_refused(self):
        config = json.loads((embedding.MODEL / "config.json").read_text()) | {"is_causal": False}
        folder = embedding.changed_model(self.root, config_json=config)
        with self.assertRaisesRegex(ModelLoadFailed, "is_causal"):
            self.load(folder)
