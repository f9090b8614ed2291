"""Embeddings of the hf engine, and encoders: python -m unittest engine_tests.test_hf_embedding."""

import json

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM

from engine_tests import embedding, models
from engine_tests.harness import load, submit, submit_score
from mlx4j_worker.errors import ContextOverflow, ModelLoadFailed, NotSupported
from mlx4j_worker.hf import loading

_SIZES = {"vocab_size": 1024, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
_SIZES |= {"intermediate_size": 128, "max_position_embeddings": 64, "pad_token_id": 1}


class Embedding(embedding.Shared):
    load_engine = staticmethod(loading.load)


class Encoders(embedding.EmbeddingTests):
    load_engine = staticmethod(loading.load)

    def encoder(self, kind, auto=AutoModel):
        with torch.random.fork_rng():
            torch.manual_seed(7)
            model = auto.from_config(AutoConfig.for_model(kind, **_SIZES))
        folder = self.root / kind
        model.eval().save_pretrained(folder)
        models.tokenizer(folder)
        return folder, model

    def test_an_encoder_embeds_texts_and_does_nothing_else(self):
        folder, model = self.encoder("bert")
        engine = self.load(folder)
        told = engine.describe()
        self.assertEqual((["embeddings"], False), (told["capabilities"], told["chat"]))
        self.assertEqual(told["embeddings"], load(loading.dry_load, folder).describe()["embeddings"])
        (vector,) = self.vectors(engine, "Hello World")
        ids = torch.tensor([engine._tokenizer.encode("Hello World")])
        with torch.inference_mode():
            self.assert_close(vector, model(ids).last_hidden_state[0].mean(0).numpy())
        with self.assertRaisesRegex(NotSupported, "is an encoder"):
            submit(engine, prompt="Hello")
        with self.assertRaisesRegex(NotSupported, "is an encoder"):
            submit_score(engine, None, {"prompt": "Hello", "completion": "World"})

    def test_a_head_among_the_weights_does_no_harm(self):
        folder, model = self.encoder("bert", AutoModelForMaskedLM)
        (vector,) = self.vectors(self.load(folder), "Hello World")
        (other,) = self.vectors(self.load(self.encoder("bert")[0]), "Hello World")
        self.assertEqual(vector.shape, other.shape)
        self.assertTrue(any(name.startswith("cls.") for name in model.state_dict()))

    def test_weights_that_are_missing_or_in_excess_are_refused(self):
        folder, _ = self.encoder("bert")
        weights = load_file(folder / "model.safetensors")
        name = "encoder.layer.1.output.dense.weight"
        for changed in (
            {key: tensor for key, tensor in weights.items() if key != name},
            {**weights, "encoder.layer.2.output.dense.weight": weights[name].clone()},
        ):
            save_file(changed, folder / "model.safetensors", {"format": "pt"})
            for loader in (loading.load, loading.dry_load):
                with self.assertRaisesRegex(ModelLoadFailed, "are not those of its config.json"):
                    load(loader, folder)

    def test_the_positions_of_roberta_begin_after_the_padding_s(self):
        folder, _ = self.encoder("roberta")
        engine = self.load(folder)
        self.assertEqual(62, engine.describe()["contextLength"])
        self.vectors(engine, "x" * 62)
        with self.assertRaisesRegex(ContextOverflow, "63 tokens"):
            self.vectors(engine, "x" * 63)

    def test_a_decoder_that_is_not_causal_is_an_encoder(self):
        folder = models.llama(self.root)
        config = json.loads((folder / "config.json").read_text()) | {"is_causal": False}
        (folder / "config.json").write_text(json.dumps(config))
        engine = self.load(folder)
        self.assertEqual(["embeddings"], engine.describe()["capabilities"])
        self.assertEqual(64, self.vectors(engine, "Hello World")[0].size)
