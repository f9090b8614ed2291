"""Models that compute NaN as logits: what holds for every engine."""

import shutil
import tempfile
from pathlib import Path

import numpy

from engine_tests.damage import Weights
from engine_tests.harness import MODEL, STORY, Lab, changed_model, known
from engine_tests.tolerance import tolerance
from mlx4j_worker.errors import EngineFailed

MONTHS = "List the months"
SAMPLED = {"temperature": 1.0, "seed": 5}
KINDS = ({}, SAMPLED, {**SAMPLED, "topK": 20}, {**SAMPLED, "topP": 0.9})
FORMAT = {"type": "regex", "pattern": "[a-z ]{20}"}
POISON = 900  # a token that no answer of these tests contains


class NotFiniteContract:
    """A test class adds ``load_engine``, and the options of each kind of KV cache as ``caches``."""

    def lab(self, *tokens, **options):
        """A Lab with a model for which the embeddings of these tokens are NaN, or without any, its output matrix."""
        folder = Path(tempfile.mkdtemp()).resolve()
        self.addCleanup(shutil.rmtree, folder)
        return Lab(self.load_engine, self.model(folder, *tokens), **{"prefixCacheBytes": 0, **options})

    @staticmethod
    def model(folder, *tokens):
        model = changed_model(folder)
        config = model / "config.json"
        config.write_text(config.read_text().replace('"tie_word_embeddings": true', '"tie_word_embeddings": false'))
        weights = Weights(model / "model.safetensors")
        name = "model.embed_tokens.weight"
        entry = weights.header[name]
        begin, end = entry["data_offsets"]
        values = numpy.frombuffer(weights.data[begin:end], "<f4").reshape(entry["shape"])
        head = numpy.full_like(values, numpy.nan) if not tokens else values
        embeddings = values.copy()
        embeddings[[*tokens]] = numpy.nan
        weights.header["lm_head.weight"] = {
            **entry,
            "data_offsets": [len(weights.data), len(weights.data) + end - begin],
        }
        weights.data = weights.data[:begin] + embeddings.tobytes() + weights.data[end:] + head.tobytes()
        weights.write(model / "model.safetensors")
        return model

    def check_failed(self, call):
        self.assertIsInstance(call.error, EngineFailed)
        self.assertIn("computed NaN or infinity as logits", str(call.error))
        self.assertIn("MLX4J_DTYPE", call.error.hint)

    def test_every_request_fails_before_its_first_token(self):
        lab = self.lab()
        for more in ({}, {"logProbs": 2}, {"responseFormat": FORMAT}):
            for sampling in KINDS:
                with self.subTest(sampling=sampling, **more):
                    call = lab.ask(STORY, sampling=sampling, maxTokens=20, **more)
                    self.check_failed(call)
                    self.assertEqual([], call.sent("chunk"))
        self.assertFalse(lab.engine.busy)

    def test_a_row_of_nan_leaves_its_neighbours_their_text(self):
        lab, whole = self.lab(POISON), Lab(self.load_engine, MODEL, prefixCacheBytes=0)
        questions = [{"prompt": "The sea is", "sampling": kind, "maxTokens": 25} for kind in KINDS]
        alone = [whole.ask(**question).tokens for question in questions]
        bad = [lab.start(tokens=[5, 6, POISON, 7], sampling=kind, maxTokens=20) for kind in KINDS]
        good = [lab.start(STORY), lab.start(MONTHS), *(lab.start(**question) for question in questions)]
        lab.step(9)
        bad += [lab.start(tokens=[5, 6, 7, POISON], sampling=kind, maxTokens=20) for kind in KINDS]
        lab.finish(*bad, *good)
        for call in bad:
            self.check_failed(call)
        wanted = [known(STORY)["tokens"], known(MONTHS)["tokens"], *alone]
        self.assertEqual(wanted, [call.tokens for call in good])

    def test_a_row_that_fails_after_some_tokens_leaves_no_cache(self):
        tokens = known(STORY)["tokens"]
        at, poison = next((i, token) for i, token in enumerate(tokens) if i > 12 and token not in tokens[:i])
        for options in self.caches:
            fresh = Lab(self.load_engine, MODEL, prefixCacheBytes=0, **options).ask(STORY, maxTokens=at, logProbs=0)
            lab = self.lab(poison, prefixCacheBytes=1 << 28, **options)
            for _ in range(2):
                with self.subTest(**options):
                    call = lab.ask(STORY, maxTokens=at + 20)
                    self.check_failed(call)
                    self.assertEqual(tokens[: len(call.tokens)], call.tokens)
                    again = lab.ask(STORY, maxTokens=at, logProbs=0)
                    self.assertEqual(tokens[:at], again.tokens)
                    for one, other in zip(again.log_probs, fresh.log_probs, strict=True):
                        self.assertAlmostEqual(one["logProb"], other["logProb"], delta=tolerance(1e-4))
