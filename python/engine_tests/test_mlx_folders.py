"""What the mlx engine makes of model folders of any kind. Runs in the worker's environment: python -m unittest.

Small models are made here with mlx-lm; what is expected comes from other computations of the same thing.
"""

import base64
import gc
import json
import shutil
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import mlx.core as mx
import numpy
from mlx import nn
from mlx.utils import tree_flatten
from mlx_lm.models import rope_utils
from mlx_lm.models.base import create_causal_mask
from mlx_lm.utils import _get_classes, load_model, quantize_model, save_config

from engine_tests.harness import MODEL, STORY, Call, Lab, judged, known, submit_classification, submit_score
from engine_tests.prefixed import PrefixContract
from engine_tests.tolerance import tolerance
from mlx4j_worker.engine import scheduler
from mlx4j_worker.engine.prefill_chunks import ChunkSize
from mlx4j_worker.errors import (
    Cancelled,
    ContextOverflow,
    InvalidRequest,
    ModelLoadFailed,
    ModelNotFound,
    OutOfMemory,
    UnsafeModel,
    WorkerError,
)
from mlx4j_worker.mlx import engine as engine_module
from mlx4j_worker.mlx import loading, ropes, scoring, weight_names
from mlx4j_worker.requests.prompt import parse_logits

TOKENS = [1, 5, 400, 77, 900, 12, 12, 33, 1023, 8]
LONG = "The lighthouse keeper counted the ships. " * 40
SIZES = {
    "vocab_size": 1024,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "intermediate_size": 96,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "rms_norm_eps": 1e-5,
    "max_position_embeddings": 512,
    "tie_word_embeddings": False,
}
GPT2 = {"vocab_size": 1024, "n_embd": 64, "n_head": 4, "n_layer": 2, "n_positions": 256, "layer_norm_epsilon": 1e-5}


def lab(folder=MODEL, **options):
    return Lab(judged(loading), Path(folder), **{"prefixCacheBytes": 0, **options})


def logits(engine, tokens=TOKENS):
    """[tokens, vocabulary] of a Lab's engine."""
    call = Call()
    engine.engine.logits(call, parse_logits({"tokens": [*tokens]}))
    engine.finish(call)
    return numpy.stack([decoded(each["values"]) for each in call.sent("positionLogits")])


def decoded(values):
    return numpy.frombuffer(base64.b64decode(values), dtype="<f4")


def score(engine, **params):
    call = Call()
    submit_score(engine.engine, call, params)
    return engine.finish(call)


class Folders(unittest.TestCase):
    """Makes folders, and removes them."""

    def folder(self, name="model"):
        made = Path(tempfile.mkdtemp()).resolve()
        self.addCleanup(shutil.rmtree, made)
        (made / name).mkdir()
        return made / name

    def model(self, kind="llama", sizes=SIZES, name="model", **fields):
        """A folder with a small model of random weights, by mlx-lm's own names."""
        config = {**sizes, "model_type": kind, **fields}
        model, arguments = _get_classes(config)
        mx.random.seed(5)
        made = model(arguments.from_dict({"n_ctx": 256, "rope_theta": 10000.0, **config}))
        weights = {n: mx.random.normal(w.shape) * 0.15 for n, w in tree_flatten(made.parameters())}
        return self.saved(weights, config, name)

    def saved(self, weights, config, name="model"):
        folder = self.folder(name)
        mx.save_safetensors(str(folder / "model.safetensors"), weights, {"format": "pt"})
        (folder / "config.json").write_text(json.dumps(config))
        for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
            shutil.copy(MODEL / file, folder)
        return folder

    def changed(self, folder, rename=lambda name: name, left_out=(), **fields):
        """A copy of a folder with other names of weights, and other fields in config.json."""
        weights = {rename(name): weight for name, weight in mx.load(str(folder / "model.safetensors")).items()}
        config = {**json.loads((folder / "config.json").read_text()), **fields}
        return self.saved(weights, {name: value for name, value in config.items() if name not in left_out})

    def adapter(self, tensors, base=MODEL, **fields):
        """A folder with an adapter as PEFT writes it; the tensors by their names without base_model.model."""
        folder = self.folder("adapter")
        tensors = {f"base_model.model.{name}": tensor for name, tensor in tensors.items()}
        mx.save_safetensors(str(folder / "adapter_model.safetensors"), tensors)
        config = {"peft_type": "LORA", "r": 4, "lora_alpha": 12, "base_model_name_or_path": str(base), **fields}
        (folder / "adapter_config.json").write_text(json.dumps(config))
        return folder

    def refused(self, kind, pattern, folder, **options):
        with self.assertRaisesRegex(kind, pattern) as caught:
            lab(folder, **options)
        self.assertTrue(caught.exception.hint)
        return caught.exception

    def assertClose(self, one, other, most=2e-5):
        self.assertLess(float(numpy.abs(one - other).max()), tolerance(most))


def lora(path, inputs=192, outputs=192, rank=4, seed=1):
    """The two tensors of a module in an adapter of PEFT."""
    a, b = mx.random.split(mx.random.key(seed))
    return {
        f"{path}.lora_A.weight": mx.random.normal((rank, inputs), key=a) * 0.1,
        f"{path}.lora_B.weight": mx.random.normal((outputs, rank), key=b) * 0.1,
    }


class Prefixes(PrefixContract, unittest.TestCase):
    load_engine = staticmethod(judged(loading))


class Methods(Folders):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab()
        cls.model_itself = cls.lab.engine._loaded.model

    def one_chunk_a_step(self):
        """On the engine's clock, each chunk of a prompt or of other work and each step of decoding is a turn."""
        now = [0.0]

        def timed(work):
            def run(*args):
                now[0] += ChunkSize.SECONDS
                return work(*args)

            return run

        engine = self.lab.engine
        for owner, name in ((engine, "_forward_step"), (engine._decoder, "step"), (engine._decoder, "prefill")):
            self.enterContext(mock.patch.object(owner, name, timed(getattr(owner, name))))
        self.enterContext(mock.patch.object(scheduler, "time", mock.Mock(monotonic=lambda: now[0])))

    def plain(self, tokens):
        return numpy.array(self.model_itself(mx.array([tokens]))[0].astype(mx.float32))

    def test_logits_are_those_of_a_plain_pass_in_chunks_too(self):
        expected = self.plain(TOKENS)
        self.assertClose(logits(self.lab), expected)
        self.one_chunk_a_step()
        with mock.patch.object(scoring, "MAX_LOGITS_BYTES", 3 * 4 * 1024):
            call = Call()
            self.lab.engine.logits(call, parse_logits({"tokens": TOKENS}))
            self.lab.step()
            self.assertEqual([each["index"] for each in call.sent("positionLogits")], [0, 1, 2])
            self.lab.finish(call)
            self.assertEqual(call.result, {"count": len(TOKENS), "vocabularySize": 1024})
            self.assertClose(numpy.stack([decoded(e["values"]) for e in call.sent("positionLogits")]), expected)

    def test_a_score_is_the_model_s_own_log_probability(self):
        prompt = self.lab.engine._tokenizer.encode("Once upon a time")
        call = score(self.lab, prompt="Once upon a time", completion=" there was")
        tokens = self.lab.engine._tokenizer.encode(" there was", add_special_tokens=False)
        self.assertEqual((call.result["promptTokens"], call.result["tokens"]), (len(prompt), tokens))
        every = self.plain(prompt + tokens)[len(prompt) - 1 : -1].astype(numpy.float64)
        every = every - numpy.log(numpy.exp(every).sum(axis=1, keepdims=True))
        self.assertClose(numpy.array(call.result["logProbs"]), every[range(len(tokens)), tokens])
        with mock.patch.object(scoring, "MAX_LOGITS_BYTES", 1):
            again = score(self.lab, prompt="Once upon a time", completion=" there was")
        self.assertClose(numpy.array(again.result["logProbs"]), numpy.array(call.result["logProbs"]))

    def test_a_score_tells_whether_the_completion_is_the_greedy_one(self):
        story = known(STORY)
        messages = [{"role": "user", "content": STORY}]
        call = score(self.lab, messages=messages, completion=self.lab.engine._decode(story["tokens"][:20]))
        self.assertEqual(call.result["tokens"], story["tokens"][:20])
        self.assertTrue(call.result["greedy"])
        self.assertFalse(score(self.lab, messages=messages, completion="Zebra").result["greedy"])

    def test_they_go_on_beside_generation_and_can_be_cancelled(self):
        self.one_chunk_a_step()
        with mock.patch.object(scoring, "MAX_LOGITS_BYTES", 4 * 1024):
            works_ = [Call() for _ in range(3)]
            for call in works_:
                self.lab.engine.logits(call, parse_logits({"tokens": TOKENS}))
            story = self.lab.start(STORY, maxTokens=40)
            self.lab.step(2)
            works_[0].cancelled = works_[2].cancelled = True
            self.assertTrue(self.lab.engine.has(works_[2]))
            self.lab.finish(story, *works_)
        self.assertEqual(story.tokens, known(STORY)["tokens"][:40])
        self.assertIsInstance(works_[0].error, Cancelled)
        self.assertEqual(len(works_[0].sent("positionLogits")), 2)
        self.assertEqual(works_[2].sent("positionLogits"), [])
        self.assertEqual(works_[1].result["count"], len(TOKENS))

    def test_what_the_model_cannot_take_is_refused(self):
        context = self.lab.engine._context
        with mock.patch.object(self.lab.engine, "_context", len(TOKENS)):
            self.assertEqual(len(logits(self.lab)), len(TOKENS))
            with self.assertRaisesRegex(ContextOverflow, f"holds {len(TOKENS)}"):
                logits(self.lab, [*TOKENS, 1])
            with self.assertRaises(ContextOverflow):
                score(self.lab, tokens=TOKENS, completion="more")
        self.assertGreater(context, len(TOKENS))
        with self.assertRaisesRegex(InvalidRequest, "1024"):
            logits(self.lab, [1024])
        with self.assertRaisesRegex(InvalidRequest, "Token id 5000"):
            score(self.lab, tokens=[5000], completion="a")

    def test_parameters_have_names_shapes_and_types(self):
        found = {each["name"]: each for each in self.lab.engine.parameters()}
        self.assertEqual(len(found), len(tree_flatten(self.model_itself.parameters())))
        expected = {"name": "model.embed_tokens.weight", "shape": [1024, 192], "dtype": "float32"}
        self.assertEqual(found["model.embed_tokens.weight"], expected)

    def test_there_is_no_action_head(self):
        with self.assertRaisesRegex(InvalidRequest, "no action head") as refused:
            submit_classification(self.lab.engine, Call(), "Hm")
        self.assertIn("hf worker", refused.exception.hint)

    def test_what_was_loaded_is_described(self):
        described = self.lab.engine.describe()
        wanted = {"format": "model", "base": None, "adapter": None, "experts": [], "dtype": "float32", "warnings": []}
        self.assertEqual({name: described[name] for name in wanted}, wanted)


class Options(Folders):
    def test_those_of_the_hf_worker_are_refused_by_name(self):
        for name, value in (
            ("actionHead", "a"),
            ("actionHeadSeed", 1),
            ("trustRemoteCode", True),
            ("allowPickles", True),
            ("device", "cpu"),
        ):
            self.refused(InvalidRequest, name, MODEL, **{name: value})
        self.refused(InvalidRequest, "options.base", MODEL, base=str(MODEL))
        self.refused(InvalidRequest, "no expert", MODEL, expert="expert_0")

    def test_dtype_turns_the_weights(self):
        expected = logits(lab())
        for dtype, most in (("bfloat16", 1.5), ("float16", 0.2), ("float32", 1e-6)):
            turned = lab(dtype=dtype)
            self.assertEqual(turned.engine.describe()["dtype"], dtype)
            self.assertEqual({each["dtype"] for each in turned.engine.parameters()}, {dtype})
            self.assertClose(logits(turned), expected, most)

    def test_dtype_is_refused_for_quantized_weights(self):
        folder = self.quantized()
        self.assertEqual(lab(folder).engine.describe()["dtype"], "float32")
        self.refused(InvalidRequest, "dtype is bfloat16.*quantized", folder, dtype="bfloat16")

    def quantized(self):
        model, config = load_model(MODEL)
        model, config = quantize_model(model, config, 32, 4)
        folder = self.saved(dict(tree_flatten(model.parameters())), {})
        save_config(config, folder / "config.json")
        return folder

    def test_a_memory_limit_counts_for_weights_and_requests(self):
        self.addCleanup(mx.set_memory_limit, mx.get_memory_limit())
        before = mx.get_memory_limit()
        gc.collect()  # a model of an earlier test, which would make room when it goes
        self.refused(
            OutOfMemory, "weights of .* take [0-9.]+ MB, but", MODEL, memoryLimitBytes=mx.get_active_memory() + 1000
        )
        self.assertEqual(mx.get_memory_limit(), before)
        limit = mx.get_active_memory() + 40_000_000
        limited = lab(memoryLimitBytes=limit)
        self.assertEqual(mx.get_memory_limit(), limit)
        self.assertIn("memoryLimitBytes", limited.engine.describe()["capabilities"])
        self.assertLess(engine_module.available_bytes(limit), 40_000_000)
        limited.engine._budget.bytes_per_token = 100_000
        self.assertIsInstance(limited.ask(STORY).error, OutOfMemory)
        self.assertEqual(limited.ask(STORY, maxTokens=20).tokens, known(STORY)["tokens"][:20])
        mx.set_cache_limit(before)

    def test_weights_that_do_not_fit_are_not_read(self):
        with (
            mock.patch.object(loading, "available_bytes", lambda _limit: 1000),
            mock.patch.object(loading, "load_model") as load,
        ):
            self.refused(OutOfMemory, "weights", MODEL)
            load.assert_not_called()


class Adapters(Folders):
    def test_looking_for_modules_leaves_the_model_as_it_is(self):
        model = self.model("gemma3_text", tie_word_embeddings=False, query_pre_attn_scalar=16,
                           layer_types=["sliding_attention", "full_attention"], sliding_window=8)  # fmt: skip
        loaded = lab(model).engine._loaded.model
        before = {name for name, _ in tree_flatten(loaded.parameters())}
        self.assertIn("lm_head.weight", before)
        self.assertTrue(weight_names.linear_modules(loaded))
        self.assertEqual({name for name, _ in tree_flatten(loaded.parameters())}, before)

    QV = ("model.layers.0.self_attn.q_proj", "model.layers.3.self_attn.v_proj")

    def fused(self, deltas, source=MODEL):
        """The model's folder with scale * B @ A in its weights; ``deltas`` by the path."""
        weights = mx.load(str(source / "model.safetensors"))
        for path, delta in deltas.items():
            weights[f"{path}.weight"] = weights[f"{path}.weight"] + delta
        return self.saved(weights, json.loads((source / "config.json").read_text()))

    def check(self, scales, rank=4, **fields):
        """An adapter of two modules is the same as weights with it in them."""
        shapes = {n: w.shape for n, w in mx.load(str(MODEL / "model.safetensors")).items()}
        tensors, deltas = {}, {}
        for i, path in enumerate(self.QV):
            rows, columns = shapes[f"{path}.weight"]
            tensors |= (own := lora(path, columns, rows, rank if isinstance(rank, int) else rank[i], seed=i))
            deltas[path] = scales[i] * own[f"{path}.lora_B.weight"] @ own[f"{path}.lora_A.weight"]
        adapted = lab(self.adapter(tensors, **fields))
        self.assertClose(logits(adapted), logits(lab(self.fused(deltas))), 5e-5)
        self.assertGreater(float(numpy.abs(logits(adapted) - logits(lab())).max()), 0.1)
        return adapted

    def test_one_of_peft_is_as_if_its_product_were_in_the_weights(self):
        adapted = self.check((3.0, 3.0))
        described = adapted.engine.describe()
        self.assertEqual((described["format"], described["base"]), ("peftAdapter", str(MODEL)))
        self.assertTrue(described["adapter"].endswith("adapter"))
        self.assertEqual(described["dtype"], "float32")
        self.assertTrue(any("lora_a" in each["name"] for each in adapted.engine.parameters()))

    def test_rank_and_alpha_are_those_of_the_patterns(self):
        patterns = {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"layers.[0-3].self_attn.v_proj": 2}}
        self.check((6.0, 0.5), rank=(2, 4), **patterns)
        self.check((3.0, 3.0), alpha_pattern={"proj": 1, "5.self_attn.q_proj": 1})  # these match nothing

    def test_rslora_scales_by_the_root_of_the_rank(self):
        self.check((6.0, 6.0), use_rslora=True)

    def test_it_can_be_an_option_of_its_base(self):
        folder = self.adapter(lora(self.QV[0]), base="org/other")
        given = lab(MODEL, adapter=str(folder))
        described = given.engine.describe()
        self.assertEqual((described["format"], described["adapter"]), ("model", str(folder)))
        self.assertIn("org/other", described["warnings"][0])
        self.assertClose(logits(given), logits(lab(folder, base=str(MODEL))))

    def test_dora_has_a_magnitude(self):
        path = self.QV[0]
        tensors = lora(path)
        weight = mx.load(str(MODEL / "model.safetensors"))[f"{path}.weight"]
        magnitude = mx.random.uniform(0.5, 2, (192,), key=mx.random.key(9))
        changed = weight + 3.0 * tensors[f"{path}.lora_B.weight"] @ tensors[f"{path}.lora_A.weight"]
        changed = changed * (magnitude / mx.linalg.norm(changed, axis=1))[:, None]
        folder = self.adapter({**tensors, f"{path}.lora_magnitude_vector": magnitude}, use_dora=True)
        self.assertClose(logits(lab(folder)), logits(lab(self.fused({path: changed - weight}))), 5e-5)
        self.refused(ModelLoadFailed, "q_proj.*magnitude", self.adapter(tensors, use_dora=True))
        with_it = {**tensors, f"{path}.lora_magnitude_vector": magnitude}
        self.refused(ModelLoadFailed, "q_proj.*magnitude", self.adapter(with_it))

    def test_embeddings_are_adapted_where_they_are_looked_up_alone(self):
        for tied in (True, False):
            base = self.model(tie_word_embeddings=tied)
            own = lora("x", inputs=1024, outputs=64)
            a, b = own["x.lora_A.weight"], own["x.lora_B.weight"]
            path = "model.embed_tokens"
            weight = mx.load(str(base / "model.safetensors"))[f"{path}.weight"]
            tensors = {
                f"{path}.lora_embedding_A": a,
                f"{path}.lora_embedding_B": b,
                f"{path}.base_layer.weight": weight,
            }
            weights = mx.load(str(base / "model.safetensors"))
            weights = {"lm_head.weight": weight, **weights, f"{path}.weight": weight + 3.0 * (b @ a).T}
            config = {**SIZES, "model_type": "llama", "tie_word_embeddings": False}
            expected = logits(lab(self.saved(weights, config)))
            self.assertClose(logits(lab(self.adapter(tensors, base))), expected)
            tensors[f"{path}.base_layer.weight"] = weight + 1
            self.refused(ModelLoadFailed, "weights of its own", self.adapter(tensors, base))

    def test_gpt2_s_names_and_turned_weights(self):
        base = self.gpt2()
        tensors = lora("transformer.h.0.attn.c_attn", 64, 192) | lora("transformer.h.1.attn.c_proj", 64, 64, seed=2)
        weights = mx.load(str(base / "model.safetensors"))
        for name in ("h.0.attn.c_attn", "h.1.attn.c_proj"):
            a, b = (tensors[f"transformer.{name}.lora_{part}.weight"] for part in "AB")
            weights[f"{name}.weight"] = weights[f"{name}.weight"] + 3.0 * (b @ a).T
        expected = logits(lab(self.saved(weights, json.loads((base / "config.json").read_text()))))
        self.assertClose(logits(lab(self.adapter(tensors, base, fan_in_fan_out=True))), expected)

    def gpt2(self):
        """As on the hub: [inputs, outputs], and no prefix."""
        made = self.model("gpt2", GPT2)
        turned = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
        weights = {
            name.removeprefix("model."): w.T if name.endswith(turned) else w
            for name, w in mx.load(str(made / "model.safetensors")).items()
        }
        return self.saved(weights, {**json.loads((made / "config.json").read_text()), "n_ctx": 256})

    def test_it_goes_onto_a_quantized_base(self):
        base = Options.quantized(self)
        path = self.QV[0]
        tensors = lora(path)
        adapted = lab(self.adapter(tensors, base))
        before, module = lab(base).engine._loaded.model, adapted.engine._loaded.model.model.layers[0].self_attn.q_proj
        x = mx.random.normal((3, 192), key=mx.random.key(4))
        product = tensors[f"{path}.lora_B.weight"] @ tensors[f"{path}.lora_A.weight"]
        expected = before.model.layers[0].self_attn.q_proj(x) + 3.0 * x @ product.T
        self.assertClose(numpy.array(module(x)), numpy.array(expected))

    def test_every_tensor_is_used_or_refused_by_name(self):
        path, good = self.QV[0], lora(self.QV[0])
        for more, pattern in (
            ({"lm_head.weight": mx.zeros((2, 2))}, "lm_head.weight"),
            ({f"{path}.bias": mx.zeros(192)}, "q_proj.bias"),
            ({f"{path}.lora_B.bias": mx.zeros(192)}, "lora_B.bias"),
            ({f"{path}.ia3_l": mx.zeros(192)}, "ia3_l"),
            (lora("model.layers.9.self_attn.q_proj"), "layers.9.self_attn.q_proj"),
            (lora("model.layers.0.mlp.experts.0.up_proj"), "experts.0.up_proj"),
            (lora("language_model.layers.0.mlp.up_proj"), "language_model"),
            (lora("model.layers.0.input_layernorm"), "input_layernorm.*RMSNorm"),
            (lora("model.layers.1.self_attn.q_proj", 64, 64), "layers.1.self_attn.q_proj.*64 to 64.*192 to 192"),
            (lora("model.layers.1.self_attn.q_proj", rank=2), "layers.1.self_attn.q_proj.*rank 4"),
            ({"model.layers.1.self_attn.q_proj.lora_A.weight": mx.zeros((4, 192))}, "layers.1.self_attn.q_proj"),
        ):
            self.refused(ModelLoadFailed, pattern, self.adapter({**good, **more}))

    def test_what_mlx_has_not_is_refused_by_name(self):
        for fields, pattern in (
            ({"peft_type": "IA3"}, "'IA3'"),
            ({"peft_type": "PROMPT_TUNING"}, "PROMPT_TUNING"),
            ({"init_lora_weights": "pissa"}, "pissa"),
            ({"target_parameters": ["mlp.experts.down_proj"]}, "target_parameters"),
            ({"alora_invocation_tokens": [1]}, "alora_invocation_tokens"),
            ({"of_next_year": True}, "of_next_year"),
            ({"r": "many"}, "rank or alpha"),
            ({"rank_pattern": {"(": 3}}, "rank or alpha"),
        ):
            error = self.refused(ModelLoadFailed, pattern, self.adapter(lora(self.QV[0]), **fields))
            if "rank" not in pattern:
                self.assertIn("merge the adapter", error.hint)
        self.refused(ModelLoadFailed, "no tensors", self.adapter({}))
        lab(self.adapter(lora(self.QV[0]), of_next_year=None, init_lora_weights="gaussian", lora_dropout=0.5))

    def test_mlx_lm_s_own_finds_its_base(self):
        folder = self.folder("adapter")
        config = {"num_layers": 4, "fine_tune_type": "lora", "model": str(MODEL)}
        config["lora_parameters"] = {"rank": 4, "scale": 3.0, "dropout": 0.0, "keys": ["self_attn.q_proj"]}
        (folder / "adapter_config.json").write_text(json.dumps(config))
        own = {}
        for layer in range(4):
            own |= lora(f"model.layers.{layer}.self_attn.q_proj", seed=layer)
        renamed = {n.replace("lora_A.weight", "lora_a").replace("lora_B.weight", "lora_b"): t.T for n, t in own.items()}
        mx.save_safetensors(str(folder / "adapters.safetensors"), renamed)
        adapted = lab(folder)
        self.assertEqual(adapted.engine.describe()["format"], "mlxAdapter")
        self.assertClose(logits(adapted), logits(lab(self.adapter(own))))
        renamed.pop("model.layers.2.self_attn.q_proj.lora_b")
        mx.save_safetensors(str(folder / "adapters.safetensors"), renamed)
        self.refused(ModelLoadFailed, r"lacks model\.layers\.2\.self_attn\.q_proj\.lora_b", folder)
        (folder / "adapter_config.json").write_text(json.dumps({**config, "fine_tune_type": "other"}))
        self.refused(ModelLoadFailed, "fine_tune_type 'other'", folder)


class DyLora(Folders):
    """A DyLoRA-MoE with two experts on the tests' model."""

    PATH = "model.layers.0.self_attn.q_proj"
    CONFIG = {"model_type": "dylora-moe", "num_experts": 2, "base_model_name_or_path": str(MODEL)}  # noqa: RUF012

    def apart(self):
        """A checkpoint with the experts apart from the base model."""
        folder = self.folder()
        (folder / "config.json").write_text(json.dumps({**self.CONFIG, "_dylora_format": "peft_separated"}))
        for i in range(2):
            place = folder / "peft_adapters" / f"expert_{i}" / f"expert_{i}"
            shutil.copytree(self.adapter(lora(self.PATH, seed=i)), place)
        return folder

    def together(self):
        """All weights of the trainer's wrapper in one file."""
        weights = {}
        for name, weight in mx.load(str(MODEL / "model.safetensors")).items():
            wrapped = name.replace(self.PATH, f"{self.PATH}.base_layer")
            weights[f"foundation_model.base_model.model.{wrapped}"] = weight
        words = weights["foundation_model.base_model.model.model.embed_tokens.weight"]
        weights["foundation_model.base_model.model.lm_head.weight"] = words
        weights["router.gate.weight"] = mx.zeros((2, 192))
        for i in range(2):
            for name, tensor in lora(self.PATH, seed=i).items():
                own = name.removesuffix("weight") + f"expert_{i}.weight"
                weights[f"foundation_model.base_model.model.{own}"] = tensor
        return self.saved(weights, {**self.CONFIG, "lora_r": 4, "lora_alpha": 12})

    def test_the_expert_that_is_named_answers(self):
        for make in (self.apart, self.together):
            folder = make()
            for i in range(2):
                loaded = lab(folder, expert=f"expert_{i}")
                self.assertClose(logits(loaded), logits(lab(self.adapter(lora(self.PATH, seed=i)))))
                described = loaded.engine.describe()
                self.assertEqual((described["format"], described["base"]), ("dylora", str(MODEL)))
                self.assertEqual(described["experts"], ["expert_0", "expert_1"])
                self.assertEqual(loaded.ask(STORY, maxTokens=2).result["expert"], f"expert_{i}")

    def test_without_a_name_the_names_are_told(self):
        error = self.refused(ModelLoadFailed, "router runs on transformers only", self.apart())
        self.assertIn("expert_0, expert_1", error.hint)
        self.refused(InvalidRequest, "no expert 'expert_7'", self.apart(), expert="expert_7")

    def test_pickles_are_not_read(self):
        folder = self.apart()
        for i in range(2):
            shutil.rmtree(folder / "peft_adapters" / f"expert_{i}")
            (folder / "peft_adapters" / f"expert_{i}.pt").write_bytes(b"pickle")
        self.refused(UnsafeModel, "expert_1 of .* pickle", folder, expert="expert_1")


class Disagreements(Folders):
    """Where mlx-lm and transformers differ."""

    def test_what_a_config_leaves_out_is_as_transformers_has_it(self):
        sizes = {**SIZES, "tie_word_embeddings": True}
        stated = self.model("qwen2", sizes, rope_theta=10000.0)  # mlx-lm's default is a million
        wanted = logits(lab(stated))
        self.assertClose(logits(lab(self.changed(stated, left_out=("rope_theta",)))), wanted)
        self.assertGreater(abs(logits(lab(self.changed(stated, rope_theta=1e6))) - wanted).max(), 1e-3)

    def test_linear_scaling_by_one_is_none(self):
        plain = self.model()
        same = self.changed(plain, rope_scaling={"type": "linear", "factor": 1.0})
        self.assertClose(logits(lab(same)), logits(lab(plain)))

    def test_a_refused_model_leaves_the_memory(self):
        windowed = self.model("mistral", sliding_window=8, max_position_embeddings=64)
        (windowed / "tokenizer.json").write_text("{}")
        before = None
        for _ in range(3):
            self.refused(ModelLoadFailed, "tokenizer", windowed)
            before = before or mx.get_active_memory()
        self.assertLessEqual(mx.get_active_memory(), before)

    def test_a_head_of_its_own_is_kept_whatever_the_config_says(self):
        untied = self.model(tie_word_embeddings=False)
        wanted = logits(lab(untied))
        self.assertClose(logits(lab(self.changed(untied, tie_word_embeddings=True))), wanted)
        self.assertClose(logits(lab(self.changed(untied, left_out=("tie_word_embeddings",)))), wanted)
        weights = mx.load(str(untied / "model.safetensors"))
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
        config = json.loads((untied / "config.json").read_text())
        same = self.saved(weights, {**config, "tie_word_embeddings": True})
        self.assertClose(logits(lab(same)), logits(lab(self.saved(weights, config))))

    def test_gpt2_as_transformers_saves_it_is_that_of_the_hub(self):
        hub = Adapters.gpt2(self)
        expected = logits(lab(hub))
        saved = self.changed(hub, lambda name: f"transformer.{name}", left_out=["n_ctx"])
        self.assertClose(logits(lab(saved)), expected, 1e-6)
        weights = mx.load(str(hub / "model.safetensors"))
        weights |= {f"h.{i}.attn.bias": mx.ones((1, 1, 256, 256)) for i in range(2)}
        weights["lm_head.weight"] = weights["wte.weight"]
        with_masks = self.saved(weights, json.loads((hub / "config.json").read_text()))
        self.assertClose(logits(lab(with_masks)), expected, 1e-6)
        weights["lm_head.weight"] = weights["wte.weight"] + 1
        self.refused(ModelLoadFailed, "lm_head", self.saved(weights, json.loads((hub / "config.json").read_text())))

    def test_rope_parameters_count_as_the_older_fields(self):
        scaling = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
        scaling |= {"original_max_position_embeddings": 64, "rope_type": "llama3"}
        for kind, new, old in (
            ("llama", {"rope_theta": 7e5, "rope_type": "default"}, {"rope_theta": 7e5}),
            ("olmoe", {"rope_theta": 7e5}, {"rope_theta": 7e5}),
            ("llama", {"rope_theta": 5e5, **scaling}, {"rope_theta": 5e5, "rope_scaling": scaling}),
            ("llama", {"rope_theta": 1e4, "rope_type": "linear", "factor": 4.0},
             {"rope_scaling": {"type": "linear", "factor": 4.0}}),
        ):  # fmt: skip
            more = {"num_experts": 4, "num_experts_per_tok": 2} if kind == "olmoe" else {}
            plain = self.model(kind, **more)
            expected = logits(lab(self.changed(plain, **old)))
            self.assertClose(logits(lab(self.changed(plain, rope_parameters=new))), expected, 1e-6)
            self.assertGreater(float(numpy.abs(logits(lab(plain)) - expected).max()), 1e-3)

    def test_rope_parameters_of_each_type_of_layer(self):
        plain = self.model("gemma3_text", num_hidden_layers=6, sliding_window=64)
        own = {"full_attention": {"rope_theta": 7e5}, "sliding_attention": {"rope_theta": 3e4}}
        expected = logits(lab(self.changed(plain, rope_theta=7e5, rope_local_base_freq=3e4)))
        self.assertClose(logits(lab(self.changed(plain, rope_parameters=own))), expected, 1e-6)
        olmo = self.model("olmo3", num_hidden_layers=4, sliding_window=64)
        self.refused(ModelLoadFailed, "rope_theta", self.changed(olmo, rope_parameters=own))

    def test_yarn_is_mlx_lm_s_where_both_say_the_same(self):
        scaling = {"factor": 4.0, "original_max_position_embeddings": 128, "beta_fast": 20, "mscale": 0.7}
        scaling["mscale_all_dim"] = 0.5
        rope = rope_utils.initialize_rope(64, 1e4, False, {"type": "yarn", **scaling}, 512)
        freqs, mscale = numpy.array(rope._freqs), rope.mscale
        ropes._amend_yarn(rope, scaling, {"rope_theta": 1e4})
        self.assertClose(numpy.array(rope._freqs) / freqs, numpy.ones(32), 1e-5)
        self.assertAlmostEqual(rope.mscale, mscale)
        ropes._amend_yarn(rope, {**scaling, "attention_factor": 1.3, "truncate": False}, {"rope_theta": 1e4})
        self.assertEqual(rope.mscale, 1.3)
        self.assertGreater(float(numpy.abs(numpy.array(rope._freqs) / freqs - 1).max()), 0.01)

    def test_longrope_has_its_short_factors_up_to_where_they_end(self):
        short, long = [1.0 + i / 20 for i in range(8)], [2.0 + i for i in range(8)]
        rope = {"rope_type": "longrope", "rope_theta": 1e4, "short_factor": short, "long_factor": long}
        plain = self.model("phi3", original_max_position_embeddings=64)
        bounded = lab(self.changed(plain, rope_parameters=rope))
        described = bounded.engine.describe()
        self.assertEqual(described["contextLength"], 64)
        self.assertIn("longrope", described["warnings"][0])
        with mock.patch.object(ropes, "_amend_long", return_value=None):  # mlx-lm's own: the long ones for every text
            own = lab(self.changed(plain, rope_parameters={**rope, "long_factor": short}))
        self.assertClose(logits(bounded), logits(own), 1e-5)

    def test_a_window_that_mlx_lm_leaves_out_is_in_the_cache(self):
        moe = {"num_local_experts": 4, "num_experts_per_tok": 2}
        for kind, fields in (("mistral", {}), ("mistral", {"layer_types": ["sliding_attention"] * 2}), ("phi3", {}),
                             ("mixtral", moe)):  # fmt: skip
            layers = fields.pop("layer_types", None)
            engine = lab(self.changed(self.model(kind, sliding_window=16, **fields), layer_types=layers))
            self.assertEqual(
                (engine.engine.describe()["contextLength"], engine.engine.describe()["warnings"]), (512, [])
            )
            prompts = [(TOKENS * 9)[i : i + 40 + i] for i in range(3)]
            module = "llama" if kind == "mistral" else kind

            def mask(hidden, *_):
                return create_causal_mask(hidden.shape[1], window_size=16)

            with mock.patch(f"mlx_lm.models.{module}.create_attention_mask", mask):
                passes = {tuple(p): self.plain_greedy(engine, p, 8) for p in prompts}
                expected = numpy.array(engine.engine._loaded.model(mx.array([prompts[0]]))[0])
            self.assertClose(logits(engine, prompts[0]), expected)
            free = {"maxTokens": 8, "sampling": {"logitBias": {"2": -100}}}
            calls = [engine.start(tokens=prompt, **free) for prompt in prompts]
            engine.finish(*calls)
            self.assertEqual([call.tokens for call in calls], [passes[tuple(p)] for p in prompts])
            self.assertEqual(engine.ask(tokens=prompts[0], **free).tokens, passes[tuple(prompts[0])])

    @staticmethod
    def plain_greedy(engine, prompt, count):
        tokens = list(prompt)
        for _ in range(count):
            last = engine.engine._loaded.model(mx.array([tokens]))[0, -1]
            last[2] = -100
            tokens.append(mx.argmax(last).item())
        return tokens[len(prompt) :]

    def test_a_window_that_cannot_be_in_the_cache_bounds_the_context(self):
        mistral = self.model("mistral", sliding_window=16, head_dim=32)
        mixed = self.model("qwen2", sliding_window=16, layer_types=["full_attention", "sliding_attention"])
        for folder, options in (
            (mistral, {"kvBits": 8}),
            (mistral, {"kvTokens": 64}),
            (mistral, {"draftModel": str(mistral)}),
            (mixed, {}),
        ):
            bounded = lab(folder, **options)
            self.assertEqual(bounded.engine.describe()["contextLength"], 16)
            self.assertIn("16 tokens here, not 512", bounded.engine.describe()["warnings"][0])
            self.assertIsInstance(bounded.ask(prompt=LONG).error, ContextOverflow)
            free = {} if "draftModel" in options else {"sampling": {"logitBias": {"2": -100}}}
            self.assertLessEqual(len(bounded.ask(tokens=TOKENS, maxTokens=90, **free).tokens), 6)
        for free in (
            self.model("mistral", sliding_window=None),
            self.model("mistral", sliding_window=600),
            self.model("qwen2", sliding_window=16, use_sliding_window=False),
            self.model("llama", sliding_window=16),
            self.model("gemma3_text", sliding_window=16, num_hidden_layers=6),  # mlx-lm has its window
        ):
            described = lab(free).engine.describe()
            self.assertEqual((described["contextLength"], described["warnings"]), (512, []))
        windowed = lab(self.model("gemma3_text", sliding_window=16, num_hidden_layers=6))
        self.assertEqual(windowed.engine._budget.tokens(1000), 1000)
        self.refused(InvalidRequest, "kvBits", self.model("gemma3_text", num_hidden_layers=6), kvBits=8)

    def test_the_activation_is_that_of_transformers(self):
        made = self.model("gemma", hidden_act="gelu", tie_word_embeddings=True)
        with mock.patch.object(nn, "gelu", nn.gelu_approx):
            model, _ = load_model(made)
            expected = numpy.array(model(mx.array([TOKENS]))[0])
        self.assertClose(logits(lab(made)), expected, 1e-6)
        for kind, fields in (("llama", {"hidden_act": "gelu"}), ("gpt2", {"activation_function": "relu"})):
            sizes = GPT2 if kind == "gpt2" else SIZES
            self.refused(ModelLoadFailed, next(iter(fields)), self.model(kind, sizes, **fields))

    def test_what_mlx_lm_would_leave_out_is_refused_by_name(self):
        moe = {"num_experts": 4, "num_experts_per_tok": 2}
        llama3 = {"rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0}
        llama3 |= {"high_freq_factor": 4.0, "original_max_position_embeddings": 64}
        for folder, pattern in (
            (self.model("olmoe", clip_qkv=0.5, **moe), "clip_qkv"),
            (self.model("gpt2", GPT2, scale_attn_by_inverse_layer_idx=True), "scale_attn_by_inverse_layer_idx"),
            (self.model("llama", final_logit_softcapping=30.0), "final_logit_softcapping"),
            (self.changed(self.model("gemma"), rope_parameters={"rope_type": "odd", "rope_theta": 1e4}), "'odd'"),
            (self.changed(self.model(), rope_parameters={"rope_type": "odd", "rope_theta": 1e4}), "odd"),
            (self.model("gemma", rope_parameters=llama3), "llama3"),
            (self.changed(self.model(), model_type="jamba"), "jamba"),
        ):
            error = self.refused(ModelLoadFailed, pattern, folder)
            self.assertIn("hf worker", error.hint)
        odd = ["full_attention", "sliding_attention"]
        self.refused(
            ModelLoadFailed, "order", self.changed(self.model("cohere2", layer_norm_eps=1e-5), layer_types=odd)
        )

    def test_an_architecture_that_mlx_lm_has_not_is_refused_before_anything_is_read(self):
        for kind in ("no_such", "base", "cache", "olmo", "../llama"):
            with mock.patch.object(loading, "load_model") as load:
                error = self.refused(
                    ModelLoadFailed, "has no architecture", self.changed(self.model(), model_type=kind)
                )
                load.assert_not_called()
            self.assertIn("hf worker", error.hint)


class Hostile(Folders):
    """Folders with something wrong: each is refused with its reason, is left as it was, and does no harm."""

    def test_each_is_refused_and_the_next_one_loads(self):
        good = self.model()
        for spoil, kind, pattern in (
            (lambda f: cut(f / "model.safetensors", -10), ModelLoadFailed, "damaged"),
            (lambda f: cut(f / "model.safetensors", 0), ModelLoadFailed, "damaged"),
            (lambda f: cut(f / "config.json", 0), ModelLoadFailed, "config.json"),
            (lambda f: cut(f / "config.json", -5), ModelLoadFailed, "config.json"),
            (lambda f: cut(f / "tokenizer.json", -500), ModelLoadFailed, "tokenizer"),
            (lambda f: edit(f, hidden_size=96), ModelLoadFailed, "Expected shape"),
            (lambda f: edit(f, num_hidden_layers=3), ModelLoadFailed, "Missing"),
            (lambda f: edit(f, num_hidden_layers=1), ModelLoadFailed, "not in model"),
            (lambda f: edit(f, num_attention_heads=0), ModelLoadFailed, "mlx-lm can't load"),
            (lambda f: edit(f, hidden_size="large"), ModelLoadFailed, "mlx-lm can't load"),
            (
                lambda f: edit(f, rope_parameters={"rope_type": "yarn", "rope_theta": 1e4}),
                ModelLoadFailed,
                "can't load",
            ),
            (lambda f: shutil.copy(f / "model.safetensors", f / "model-2.safetensors"), ModelLoadFailed, "twice"),
            (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), UnsafeModel, "pickled"),
            (lambda f: edit(f, model_file="code.py"), UnsafeModel, "model_file"),
            (shutil.rmtree, ModelNotFound, "no model folder"),
        ):
            folder = Path(shutil.copytree(good, self.folder() / "copy"))
            spoil(folder)
            before = content(folder)
            self.refused(kind, pattern, folder)
            self.assertEqual(content(folder), before)
        before = content(good)
        self.assertEqual(len(lab(good).ask(tokens=TOKENS, maxTokens=5, sampling={"logitBias": {"2": -100}}).tokens), 5)
        self.assertEqual(content(good), before)

    def test_any_name_will_do(self):
        expected = logits(lab(self.model()))
        for name in ("with space", "Моделі ü 模型", "a[b]*?c", "quote'\"$(x)"):
            folder = self.model(name=name)
            before = content(folder)
            self.assertClose(logits(lab(folder)), expected, 1e-6)
            self.assertEqual(content(folder), before)

    def test_spoiled_adapters_are_refused(self):
        good = self.adapter(lora(Adapters.QV[0]))
        for spoil, kind, pattern in (
            (lambda f: cut(f / "adapter_model.safetensors", -10), ModelLoadFailed, "damaged"),
            (lambda f: cut(f / "adapter_model.safetensors", 0), ModelLoadFailed, "damaged"),
            (lambda f: cut(f / "adapter_config.json", 0), ModelLoadFailed, "adapter_config.json"),
            (lambda f: (f / "adapter_model.safetensors").rename(f / "adapter_model.bin"), UnsafeModel, "pickled"),
        ):
            folder = Path(shutil.copytree(good, self.folder() / "copy"))
            spoil(folder)
            before = content(folder)
            for options in ({}, {"adapter": str(folder)}):
                self.refused(kind, pattern, MODEL if options else folder, **options)
            self.assertEqual(content(folder), before)
        self.assertEqual(lab().ask(STORY, maxTokens=20).tokens, known(STORY)["tokens"][:20])

    def test_a_damaged_draft_model_is_refused_too(self):
        folder = self.model()
        cut(folder / "model.safetensors", -10)
        self.refused(WorkerError, "damaged", MODEL, draftModel=str(folder))


def cut(path, size):
    data = path.read_bytes()
    path.write_bytes(data[:size])


def edit(folder, **fields):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def content(folder):
    """Everything in a folder: its names, times and bytes."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in sorted(folder.rglob("*"))
    }


if __name__ == "__main__":
    unittest.main()
