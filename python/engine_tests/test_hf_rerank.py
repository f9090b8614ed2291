"""Reranking by the hf engine, against transformers itself. Runs in the worker's environment: python -m unittest."""

import json
import shutil
import tempfile
import unittest
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from engine_tests import models
from engine_tests.harness import MODEL, judged, load, one_part_a_step, run, submit_rerank
from engine_tests.tolerance import tolerance
from mlx4j_worker.errors import Cancelled, ContextOverflow, ModelLoadFailed, NotSupported
from mlx4j_worker.hf import loading
from mlx4j_worker.requests.generate import parse_generate
from mlx4j_worker.requests.texts import parse_rerank

QUERY = "Why is the sky blue?"
DOCUMENTS = ["The sky scatters blue light.", "no", "Bread needs flour, water, salt and an hour. " * 4, "{query} yes!"]
INSTRUCTION = "Judge whether it is about bread"
# As the model card of Qwen3-Reranker has them.
PREFIX = (
    "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct "
    'provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
)
SUFFIX = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
PUBLISHED = "Given a web search query, retrieve relevant passages that answer the query"
TEMPLATE = """{%- set instruction = messages | selectattr("role", "eq", "system") | map(attribute="content") | first -%}
{{- "Q: " + (messages | selectattr("role", "eq", "query") | map(attribute="content") | first) -}}
{{- "\\nI: " + (instruction | default("none")) -}}
{{- "\\nD: " + (messages | selectattr("role", "eq", "document") | map(attribute="content") | first) -}}
{{- "\\nA:" }}{% if add_generation_prompt %}{{ "!" }}{% endif %}"""
MESSAGES_ONLY = "{% for m in messages if m.role in ('user', 'assistant') %}{{ m.content }}{% endfor %}"
ALTERNATING = "{{ raise_exception('user and assistant only') }}"
CLASSIFIERS = {
    "bert": {},
    "roberta": {},
    "xlm-roberta": {},
    "modernbert": {"local_attention": 8, "global_attn_every_n_layers": 2, "cls_token_id": 1, "sep_token_id": 2},
    "distilbert": {"n_layers": 2, "n_heads": 4, "dim": 64, "hidden_dim": 128},
    "qwen3": {"head_dim": 32, "num_key_value_heads": 1},
}


torch.set_num_threads(1)
LOAD = judged(loading)


def published_tokens(tokenizer, document, instruction=PUBLISHED, query=QUERY, most=None):
    prefix, suffix = (tokenizer.encode(text, add_special_tokens=False) for text in (PREFIX, SUFFIX))
    body = f"<Instruct>: {instruction}\n<Query>: {query}\n<Document>: {document}"
    body = tokenizer.encode(body, add_special_tokens=False)
    return prefix + body[: most and most - len(prefix) - len(suffix)] + suffix


class Rerank(unittest.TestCase):
    def folder(self):
        made = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, made)
        return made

    def rerank(self, engine, documents=DOCUMENTS, query=QUERY, **params):
        call = submit_rerank(engine, query, documents, **params)
        run(engine)
        if call.error:
            raise call.error
        return call.result

    def assert_close(self, wanted, scores):
        self.assertEqual(len(wanted), len(scores))
        self.assertGreater(max(wanted) - min(wanted), 1e-3, "the documents do not differ")
        for one, other in zip(wanted, scores, strict=True):
            self.assertAlmostEqual(one, other, delta=tolerance(1e-5))


class Decoders(Rerank):
    def published(self, path, documents=DOCUMENTS, **given):
        """Scores by the code of the model card."""
        tokenizer = AutoTokenizer.from_pretrained(path)
        model = AutoModelForCausalLM.from_pretrained(path).eval()
        yes, no = tokenizer.convert_tokens_to_ids(["yes", "no"])
        scores = []
        for document in documents:
            with torch.no_grad():
                last = model(torch.tensor([published_tokens(tokenizer, document, **given)])).logits[:, -1]
            both = torch.stack([last[:, no], last[:, yes]], dim=1)
            scores.append(both.log_softmax(1)[:, 1].exp().item())
        return scores

    def test_scores_are_those_of_the_model_card_alone_and_in_a_batch(self):
        for kind, fields in {
            "qwen3": {},
            "llama": {"attention_bias": True, "head_dim": 32},
            "mistral": {"sliding_window": 16},
        }.items():
            with self.subTest(kind):
                path = models.reranker(self.folder(), model_type=kind, **fields)
                engine = load(LOAD, path, reranker="qwen3")
                result = self.rerank(engine)
                wanted = self.published(path)
                self.assert_close(wanted, result["scores"])
                alone = [self.rerank(engine, [document])["scores"][0] for document in DOCUMENTS]
                self.assert_close(wanted, alone)
                self.assertIs(result["probabilities"], True)
                self.assert_close(
                    self.published(path, instruction=INSTRUCTION),
                    self.rerank(engine, instruction=INSTRUCTION)["scores"],
                )

    def test_many_documents_go_through_in_batches(self):
        path = models.reranker(self.folder())
        documents = [f"Document {i} " + "and so on " * (i % 7) for i in range(40)]
        self.assert_close(self.published(path, documents), self.rerank(load(LOAD, path), documents)["scores"])

    def test_the_prompt_has_the_tokens_of_the_model_card(self):
        path = models.reranker(self.folder())
        tokenizer = AutoTokenizer.from_pretrained(path)
        pairs = load(LOAD, path).encode_pairs(parse_rerank({"query": QUERY, "documents": DOCUMENTS}))
        self.assertEqual([pair.tokens for pair in pairs], [published_tokens(tokenizer, d) for d in DOCUMENTS])

    def test_what_is_too_long_is_refused_or_cut_as_in_the_model_card(self):
        path = models.reranker(self.folder(), max_position_embeddings=200)
        engine, long = load(LOAD, path), "Bread and butter. " * 400
        with self.assertRaisesRegex(ContextOverflow, r"documents\[1\].* 200 tokens"):
            self.rerank(engine, ["short", long])
        result = self.rerank(engine, ["short", long], truncate=True)
        self.assert_close(self.published(path, ["short", long], most=200), result["scores"])
        with self.assertRaisesRegex(ContextOverflow, "leaves no room for a document"):
            self.rerank(engine, ["short"], query=long, truncate=True)

    def test_a_plain_language_model_is_refused(self):
        engine = load(LOAD)
        self.assertNotIn("rerank", engine.describe()["capabilities"])
        with self.assertRaisesRegex(NotSupported, "not recognized as a reranker") as refused:
            self.rerank(engine)
        self.assertIn("MLX4J_RERANKER", refused.exception.hint)
        with self.assertRaises(NotSupported) as again:
            self.rerank(engine)
        self.assertIsNot(refused.exception, again.exception, "a raised error keeps its traceback")
        with self.assertRaisesRegex(NotSupported, "no token 'no'"):
            self.rerank(load(LOAD, MODEL, reranker="qwen3"))

    def test_it_is_known_by_its_name_which_is_a_warning(self):
        path = models.reranker(self.folder())
        described = load(LOAD, path).describe()
        self.assertIn("rerank", described["capabilities"])
        self.assertIn("because of its name", "".join(described["warnings"]))
        cached = self.folder() / "models--Qwen--Qwen3-Reranker-0.6B" / "snapshots" / "abc"
        shutil.copytree(path, cached)
        self.assertIn("rerank", load(LOAD, cached).describe()["capabilities"])
        other = models.reranker(self.folder(), name="other")
        self.assertNotIn("rerank", load(LOAD, other).describe()["capabilities"])

    def test_cancelled_between_batches(self):
        path = models.reranker(self.folder())
        engine = load(LOAD, path)
        call = submit_rerank(engine, QUERY, DOCUMENTS * 10)
        polls = []
        with one_part_a_step():
            run(engine, lambda: polls.append(1) or setattr(call, "cancelled", len(polls) == 2))
        self.assertIsInstance(call.error, Cancelled)
        self.assertEqual(2, len(polls))


class CrossEncoders(Rerank):
    """Decoders as sentence-transformers saves them, with the module LogitScore."""

    def saved(self, score, template=TEMPLATE, more=(), **files):
        path = models.reranker(self.folder(), name="saved")
        kinds = [("base.modules.transformer.Transformer", "")]
        kinds += [("cross_encoder.modules.logit_score.LogitScore", "1_LogitScore"), *more]
        listed = [
            {"idx": i, "name": str(i), "path": where, "type": f"sentence_transformers.{kind}"}
            for i, (kind, where) in enumerate(kinds)
        ]
        (path / "modules.json").write_text(json.dumps(listed))
        (path / "1_LogitScore").mkdir()
        (path / "1_LogitScore" / "config.json").write_text(json.dumps(score))
        (path / "chat_template.jinja").write_text(template)
        for name, content in files.items():
            (path / f"{name}.json").write_text(json.dumps(content))
        return path

    def by_hand(self, path, yes, no, instruction="none", end=""):
        tokenizer, model = AutoTokenizer.from_pretrained(path), AutoModelForCausalLM.from_pretrained(path).eval()
        logits = []
        for document in DOCUMENTS:
            text = f"Q: {QUERY}\nI: {instruction}\nD: {document}\nA:{end}"
            with torch.no_grad():
                ids = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
                last = model(ids).logits[0, -1]
            logits.append(last[yes] - (0 if no is None else last[no]))
        return torch.stack(logits)

    def test_the_template_the_tokens_and_the_activation_are_the_folder_s(self):
        path = self.saved({"true_token_id": 17, "false_token_id": 40})
        self.assert_close(
            self.by_hand(path, 17, 40).sigmoid().tolist(), self.rerank(load(LOAD, path))["scores"]
        )  # fmt: skip
        path = self.saved(
            {"true_token_id": 17, "false_token_id": None},
            config_sentence_transformers={
                "activation_fn": "torch.nn.modules.linear.Identity",
                "prompts": {"web": "Find it"},
                "default_prompt_name": "web",
            },
            sentence_bert_config={"processing_kwargs": {"chat_template": {"add_generation_prompt": True}}},
        )
        engine = load(LOAD, path)
        result = self.rerank(engine)
        self.assertIs(result["probabilities"], False)
        self.assert_close(self.by_hand(path, 17, None, "Find it", "!").tolist(), result["scores"])
        self.assert_close(
            self.by_hand(path, 17, None, INSTRUCTION, "!").tolist(),
            self.rerank(engine, instruction=INSTRUCTION)["scores"],
        )

    def test_a_template_without_query_and_document_is_a_warning_at_load(self):
        tokens = {"true_token_id": 17, "false_token_id": 40}
        for template, wanted in {
            MESSAGES_ONLY: "omits or changes the query",
            ALTERNATING: "user and assistant only.*can't rerank documents",
        }.items():
            with self.subTest(wanted):
                engine = load(LOAD, self.saved(tokens, template=template))
                self.assertNotIn("rerank", engine.describe()["capabilities"])
                self.assertRegex("".join(engine.describe()["warnings"]), wanted)
                with self.assertRaisesRegex(NotSupported, wanted) as refused:
                    self.rerank(engine)
                self.assertRegex(refused.exception.hint, "roles query, document|Use a reranker")

    def test_what_is_not_known_is_refused_by_name(self):
        tokens = {"true_token_id": 17, "false_token_id": 40}
        for wanted, path in {
            "omits or changes the query": self.saved(tokens, template="{{ messages[-1].content }}"),
            "the module Dense": self.saved(tokens, more=[("models.Dense", "2_Dense")]),
            "true_token_id 5000": self.saved({"true_token_id": 5000}),
            "no true_token_id": self.saved({}),
            "activation_fn 'torch.nn.Tanh'": self.saved(
                tokens, config_sentence_transformers={"activation_fn": "torch.nn.Tanh"}
            ),
            "modules.json .* outside": self.saved(tokens, modules=[{"type": "LogitScore", "path": "../other"}]),
            "modules.json .* 1 to 16": self.saved(tokens, modules=[{"type": "LogitScore", "path": ""}] * 17),
        }.items():
            with self.subTest(wanted), self.assertRaisesRegex(NotSupported, wanted):
                self.rerank(load(LOAD, path))


class Classifiers(Rerank):
    def by_hand(self, path, documents=DOCUMENTS, most=None, query=QUERY):
        tokenizer = AutoTokenizer.from_pretrained(path)
        model = AutoModelForSequenceClassification.from_pretrained(path).eval()
        with torch.no_grad():
            return torch.cat(
                [
                    model(
                        **tokenizer(query, one, return_tensors="pt", truncation="longest_first", max_length=most)
                    ).logits[:, 0]
                    for one in documents
                ]
            )

    def test_scores_are_those_of_transformers_alone_and_in_a_batch(self):
        for kind, fields in CLASSIFIERS.items():
            with self.subTest(kind):
                path = models.classifier(self.folder(), kind, max_position_embeddings=300, **fields)
                engine = load(LOAD, path)
                wanted = self.by_hand(path).sigmoid().tolist()
                result = self.rerank(engine)
                self.assert_close(wanted, result["scores"])
                self.assert_close(wanted, [self.rerank(engine, [one])["scores"][0] for one in DOCUMENTS])
                self.assertIs(result["probabilities"], True)

    def test_what_is_too_long_is_refused_or_cut_as_the_tokenizer_does(self):
        for kind, most in {"bert": 64, "roberta": 62}.items():
            with self.subTest(kind):
                path = models.classifier(self.folder(), kind)
                engine = load(LOAD, path)
                with self.assertRaisesRegex(ContextOverflow, rf"documents\[2\].* {most} tokens"):
                    self.rerank(engine)
                for query in (QUERY, QUERY * 3, QUERY * 9):
                    wanted = self.by_hand(path, most=most, query=query).sigmoid().tolist()
                    self.assert_close(wanted, self.rerank(engine, query=query, truncate=True)["scores"])
                self.assertIsNone(engine._tokenizer.backend_tokenizer.truncation, "other threads use the tokenizer")

    def test_the_author_s_activation(self):
        path = models.classifier(self.folder(), max_position_embeddings=300)
        for field in ({"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}},
                      {"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"}):  # fmt: skip
            with self.subTest(field):
                config = json.loads((path / "config.json").read_text())
                (path / "config.json").write_text(json.dumps({**config, **field}))
                result = self.rerank(load(LOAD, path))
                self.assertIs(result["probabilities"], False)
                self.assert_close(self.by_hand(path).tolist(), result["scores"])
                (path / "config.json").write_text(json.dumps(config))

    def test_more_labels_are_refused_by_name(self):
        path = models.classifier(self.folder(), labels=2)
        with self.assertRaisesRegex(ModelLoadFailed, r"BertForSequenceClassification\) with 2 labels"):
            load(LOAD, path)

    def test_a_classifier_only_reranks(self):
        path = models.classifier(self.folder())
        engine = load(LOAD, path)
        described = engine.describe()
        self.assertEqual(["rerank"], described["capabilities"])
        self.assertEqual([], described["warnings"])
        for ask in (
            lambda: engine.prepare(parse_generate({"prompt": "Hello", "maxTokens": 1})),
            lambda: engine.encode_texts(["Hello"]),
            lambda: engine.encode_completion("Hello"),
            lambda: engine.logits(None, [1]),
        ):
            with self.assertRaisesRegex(NotSupported, "can only rerank"):
                ask()
        with self.assertRaisesRegex(NotSupported, "doesn't support instructions"):
            self.rerank(engine, instruction=INSTRUCTION)
        with self.assertRaisesRegex(ModelLoadFailed, "is a sequence classifier"):
            load(LOAD, path, reranker="qwen3")

    def test_a_template_without_query_and_document_is_refused_at_load(self):
        path = models.classifier(self.folder())
        for template, wanted in {
            MESSAGES_ONLY: "omits or changes the query",
            ALTERNATING: "refused these messages: user and assistant only",
            "{{ messages }": "is damaged",
        }.items():
            (path / "chat_template.jinja").write_text(template)
            with self.subTest(wanted), self.assertRaisesRegex(ModelLoadFailed, wanted) as refused:
                load(LOAD, path)
            self.assertRegex(refused.exception.hint, "roles query, document|Use a reranker")

    def test_the_list_of_modules_is_bounded(self):
        path = models.classifier(self.folder())
        entry = {"type": "sentence_transformers.models.Transformer", "path": ""}
        (path / "modules.json").write_text(json.dumps([entry] * 17))
        with self.assertRaisesRegex(ModelLoadFailed, "must list 1 to 16 modules"):
            load(LOAD, path)
