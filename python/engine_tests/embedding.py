"""Tests of embeddings that both engines pass, over the model of the tests and the files of sentence-transformers.

That the arithmetic is that of sentence-transformers is shown by scripts/embedding-parity.
"""

import json
import tempfile
import unittest
from pathlib import Path

import numpy

from engine_tests.harness import KNOWN, MODEL, changed_model, generate, known, load, run, submit_texts
from engine_tests.tolerance import tolerance
from mlx4j_worker.errors import ContextOverflow, InvalidRequest, NotSupported
from mlx4j_worker.requests.texts import EmbedRequest

QUESTION = KNOWN[0]["messages"][-1]["content"]
MODULES = ("Transformer", "Pooling", "Normalize")


class EmbeddingTests(unittest.TestCase):
    """A subclass has ``load_engine``, the loader of its engine."""

    load_engine = None

    def setUp(self):
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def described(self, *modules, files=None, **pooling):
        """A copy of the model with these modules, settings of its pooling, and other files."""
        folder = changed_model(self.root)
        listed = [
            {"type": f"sentence_transformers.models.{kind}", "path": f"{i}_{kind}" if i else ""}
            for i, kind in enumerate(modules)
        ]
        (folder / "1_Pooling").mkdir()
        given = {"modules.json": listed, "1_Pooling/config.json": pooling, **(files or {})}
        for name, value in given.items():
            (folder / name).write_text(json.dumps(value))
        return folder

    def load(self, folder):
        return load(type(self).load_engine, folder)

    def vectors(self, engine, *texts, **params):
        call = submit_texts(engine, *texts, **params)
        run(engine)
        if call.error:
            raise call.error
        return call.vectors

    def assert_close(self, vector, other):
        numpy.testing.assert_allclose(vector, other, rtol=0, atol=tolerance(1e-5))


class Shared(EmbeddingTests):
    def test_a_folder_says_how_its_vectors_are_made(self):
        engine = self.load(self.described(*MODULES, pooling_mode="lasttoken"))
        told = engine.describe()
        self.assertIn("embeddings", told["capabilities"])
        self.assertEqual(
            told["embeddings"],
            {
                "pooling": ["lasttoken"],
                "origin": "folder",
                "modules": ["normalize"],
                "prompts": {"query": "", "document": ""},
                "defaultPrompt": None,
                "dimensions": 192,
                "maxTokens": 4096,
            },
        )
        self.assertEqual([], told["warnings"])
        whole, last = self.vectors(engine, "Hello World", "x")
        self.assertEqual(192, len(whole))
        self.assertAlmostEqual(1, float(numpy.linalg.norm(whole)), places=5)
        mean = self.vectors(self.load(changed_model(self.root / "other")), "x")[0]
        self.assert_close(last, mean / numpy.linalg.norm(mean))  # of one token, the last state is the mean

    def test_where_nothing_says_it_the_mean_is_taken_and_reported(self):
        engine = self.load(changed_model(self.root))
        self.assertEqual(
            ("assumed", ["mean"]), tuple(engine.describe()["embeddings"][k] for k in ("origin", "pooling"))
        )
        self.assertEqual([], engine.describe()["warnings"])
        with self.assertLogs("mlx4j.embeddings", "WARNING") as log:
            self.vectors(engine, "a")
            self.vectors(engine, "b")
        (line,) = log.output
        self.assertRegex(line, r"model does not say .* pooling: mean \(assumed\)")

    def test_what_is_not_known_is_refused_by_name_and_text_is_generated_all_the_same(self):
        engine = self.load(self.described("Transformer", "Pooling", "WordWeights"))
        told = engine.describe()
        self.assertNotIn("embeddings", told["capabilities"])
        self.assertIsNone(told["embeddings"])
        self.assertIn("WordWeights", told["warnings"][0])
        for _ in range(2):
            with self.assertRaisesRegex(NotSupported, "WordWeights"):
                submit_texts(engine, "a")
        self.assertEqual(known(QUESTION)["tokens"], generate(engine, QUESTION).tokens)

    def test_a_request_may_name_a_prompt(self):
        prompts = {"prompts": {"query": "Q: ", "passage": "P: "}, "default_prompt_name": "passage"}
        engine = self.load(self.described(*MODULES, files={"config_sentence_transformers.json": prompts}))
        plain = self.vectors(engine, "Q: sky", "P: sky", "sky", promptName="document")
        self.assert_close(self.vectors(engine, "sky", promptName="query")[0], plain[0])
        self.assert_close(self.vectors(engine, "sky")[0], plain[1])
        self.assertGreater(abs(plain[1] - plain[2]).max(), 1e-3)
        with self.assertRaisesRegex(InvalidRequest, "no prompt 'other'") as refused:
            submit_texts(engine, "sky", promptName="other")
        self.assertEqual("It has 'document', 'passage', 'query'.", refused.exception.hint)

    def test_a_prompt_may_be_left_out_of_pooling(self):
        prompts = {"prompts": {"query": "Q: "}}
        files = {"config_sentence_transformers.json": prompts}
        engine = self.load(self.described(*MODULES[:2], files=files, include_prompt=False, pooling_mode="cls"))
        (vector,) = self.vectors(engine, "sky", promptName="query")
        tokens = engine.encode_texts(EmbedRequest(["Q: sky"]))[0].ids
        prompt = engine.encode_texts(EmbedRequest(["sky"], "query"))[0].prompt
        self.assertTrue(0 < prompt < len(tokens))
        self.assertGreater(abs(vector - self.vectors(engine, "Q: sky")[0]).max(), 1e-3)
        with self.assertRaisesRegex(InvalidRequest, "beside its prompt"):
            submit_texts(engine, "", promptName="query")

    def test_texts_are_cut_where_the_folder_says_so(self):
        files = {"sentence_bert_config.json": {"max_seq_length": 8}}
        engine = self.load(self.described(*MODULES, files=files))
        self.assertEqual(8, engine.describe()["embeddings"]["maxTokens"])
        call = submit_texts(engine, "a b c d e f g h i j k", "a")
        run(engine)
        self.assertEqual({"count": 2, "dimensions": 192, "promptTokens": 9, "truncated": 1}, call.result)

    def test_texts_may_fill_the_context_and_no_more(self):
        config = json.loads((MODEL / "config.json").read_text()) | {"max_position_embeddings": 64}
        engine = self.load(changed_model(self.root, config_json=config))
        self.assertEqual(64, len(engine.encode_texts(EmbedRequest(["x" * 64]))[0].ids))
        call = submit_texts(engine, "x" * 64)
        run(engine)
        self.assertEqual(64, call.result["promptTokens"])
        with self.assertRaisesRegex(ContextOverflow, "65 tokens, but the model's context holds 64"):
            submit_texts(engine, "x" * 65)


def load_tests(*_):
    """None: a subclass for an engine has them."""
    return unittest.TestSuite()
