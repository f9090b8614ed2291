"""Reranking by the mlx engine, against mlx-lm's own forward. Runs in the worker's environment: python -m unittest."""

import json
import math
import shutil
from unittest import mock

import mlx.core as mx
from mlx_lm.utils import load_model
from transformers import AutoTokenizer

from engine_tests.harness import MODEL, STORY, Call, judged, known, load, submit_rerank
from engine_tests.test_mlx_folders import SIZES, Folders, lab
from engine_tests.tolerance import tolerance
from mlx4j_worker.errors import Cancelled, ContextOverflow, ModelLoadFailed, NotSupported, WorkerError
from mlx4j_worker.mlx import loading
from mlx4j_worker.mlx import reranking as module

QUERY = "Why is the sky blue?"
DOCUMENTS = ["The sky scatters blue light.", "no", "Bread needs flour, water, salt and an hour. " * 4, "{query} yes!"]
HEAD = (
    "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct "
    'provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
    "<Instruct>: Given a web search query, retrieve relevant passages that answer the query\n<Query>: "
)
TAIL = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"


class Rerank(Folders):
    def reranker(self, kind="qwen3", name="Qwen3-Reranker-tiny", **fields):
        sizes = {**SIZES, "vocab_size": 1032, "tie_word_embeddings": True, "rope_theta": 10000.0, **fields}
        folder = self.model(kind, sizes, name)
        words = AutoTokenizer.from_pretrained(MODEL)
        words.add_tokens(["no"])
        words.save_pretrained(folder)
        return folder

    def published(self, folder, documents=DOCUMENTS):
        """Scores by the code of the model card, with mlx-lm's model and no cache."""
        model, _ = load_model(folder)
        words = AutoTokenizer.from_pretrained(folder)
        yes, no = words.convert_tokens_to_ids(["yes", "no"])
        scores = []
        for document in documents:
            ids = words.encode(f"{HEAD}{QUERY}\n<Document>: {document}{TAIL}", add_special_tokens=False)
            logits = model(mx.array([ids]))[0, -1].astype(mx.float32)
            scores.append(1 / (1 + math.exp(logits[no].item() - logits[yes].item())))
        return scores

    def start(self, engine, documents=DOCUMENTS, **params):
        try:
            return submit_rerank(engine.engine, QUERY, documents, **params)
        except WorkerError as error:
            refused = Call()
            refused.fail(error)
            return refused

    def scores(self, engine, *args, **params):
        call = engine.finish(self.start(engine, *args, **params))
        self.assertIsNone(call.error)
        return call.result["scores"]

    def assert_close(self, wanted, scores):
        self.assertEqual(len(wanted), len(scores))
        self.assertGreater(max(wanted) - min(wanted), 1e-3, "the documents do not differ")
        for one, other in zip(wanted, scores, strict=True):
            self.assertAlmostEqual(one, other, delta=tolerance(1e-5))

    def test_scores_are_those_of_the_model_card_alone_and_together(self):
        kinds = {
            "qwen3": {},
            "llama": {"attention_bias": True},
            "gemma3_text": {"sliding_window": 16, "sliding_window_pattern": 2, "query_pre_attn_scalar": 32},
        }
        for kind, fields in kinds.items():
            with self.subTest(kind):
                folder = self.reranker(kind, **fields)
                engine = lab(folder, reranker="qwen3")
                wanted = self.published(folder)
                self.assert_close(wanted, self.scores(engine))
                self.assert_close(wanted, [self.scores(engine, [document])[0] for document in DOCUMENTS])

    def test_what_the_prompts_have_in_common_goes_through_once(self):
        folder = self.reranker()
        engine = lab(folder)
        passed = []
        forward = engine.engine._loaded.model

        def counting(ids, cache):
            passed.append(ids.size)
            return forward(ids, cache=cache)

        prepared = module.Rerank.__init__

        def init(work, call, pairs, reranker, model, copy_cache):
            prepared(work, call, pairs, reranker, forward, copy_cache)
            work._prefill = work._forward = counting

        with mock.patch.object(module.Rerank, "__init__", init):
            call = engine.finish(self.start(engine))
        self.assert_close(self.published(folder), call.result["scores"])
        common = len(AutoTokenizer.from_pretrained(folder).encode(f"{HEAD}{QUERY}\n<Document>:"))
        self.assertLessEqual(sum(passed), call.result["promptTokens"] - (len(DOCUMENTS) - 1) * common)

    def test_others_generate_beside_it_and_a_cancel_ends_it(self):
        folder = self.reranker()
        engine, documents = lab(folder), ["A word. " * 40] * 1024
        alone = engine.ask(STORY, maxTokens=5).tokens
        work, story = self.start(engine, documents), engine.start(STORY, maxTokens=5)
        engine.finish(story)
        self.assertFalse(work.ended)
        self.assertEqual(alone, story.tokens)
        work.cancelled = True
        engine.step()
        self.assertIsInstance(work.error, Cancelled)

    def test_what_is_too_long_is_refused_or_cut(self):
        engine = lab(self.reranker(max_position_embeddings=256))
        long = "Bread and butter. " * 400
        error = self.start(engine, ["short", long]).error
        self.assertIsInstance(error, ContextOverflow)
        self.assertRegex(str(error), r"documents\[1\].* 256 tokens")
        call = engine.finish(self.start(engine, ["short", long], truncate=True))
        self.assertEqual(2, len(call.result["scores"]))

    def test_one_document_that_is_the_beginning_of_another(self):
        folder = self.reranker()
        documents = ["Bread", "Bread and butter", "Bread"]
        scores = self.scores(lab(folder), documents)
        self.assert_close(self.published(folder, documents), scores)
        self.assertAlmostEqual(scores[0], scores[2], delta=tolerance(1e-6))

    def test_a_plain_language_model_is_refused(self):
        engine = lab()
        self.assertNotIn("rerank", engine.engine.describe()["capabilities"])
        error = self.start(engine).error
        self.assertIsInstance(error, NotSupported)
        self.assertIn("not recognized as a reranker", str(error))
        self.assertEqual(engine.ask(STORY).tokens, known(STORY)["tokens"])

    def test_a_classifier_is_refused_by_name(self):
        folder = self.reranker()
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "architectures": ["Qwen3ForSequenceClassification"]}))
        with self.assertRaisesRegex(
            ModelLoadFailed, r"\(Qwen3ForSequenceClassification\), which mlx-lm can't run"
        ) as e:
            load(judged(loading), folder)
        self.assertIn("hf worker", e.exception.hint)

    def test_a_module_of_sentence_transformers_names_the_tokens(self):
        folder = self.reranker(name="saved")
        kinds = ("base.modules.transformer.Transformer", "cross_encoder.modules.logit_score.LogitScore")
        listed = [
            {"path": "1_LogitScore" if i else "", "type": f"sentence_transformers.{k}"} for i, k in enumerate(kinds)
        ]
        (folder / "modules.json").write_text(json.dumps(listed))
        (folder / "1_LogitScore").mkdir()
        words = AutoTokenizer.from_pretrained(folder)
        yes, no = words.convert_tokens_to_ids(["yes", "no"])
        (folder / "1_LogitScore/config.json").write_text(json.dumps({"true_token_id": yes, "false_token_id": no}))
        query, document = (
            f"{{{{ messages | selectattr('role', 'eq', '{role}') | map(attribute='content') | first }}}}"
            for role in ("query", "document")
        )
        (folder / "chat_template.jinja").write_text(f"{HEAD}{query}\n<Document>: {document}{TAIL}\n")
        self.assert_close(self.published(folder), self.scores(lab(folder)))
        shutil.rmtree(folder / "1_LogitScore")
        self.assertIsInstance(self.start(lab(folder)).error, NotSupported)
