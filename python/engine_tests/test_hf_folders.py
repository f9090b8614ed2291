"""What the hf engine loads from which folder, and what it refuses: python -m unittest engine_tests.test_hf_folders."""

import base64
import hashlib
import inspect
import json
import math
import shutil
import subprocess
import sys
import tempfile
import unittest
from functools import cache
from pathlib import Path
from unittest import mock

import numpy
import torch
from peft import LoraConfig, PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from engine_tests import models
from engine_tests.harness import (
    MODEL,
    Call,
    generate,
    judged,
    known,
    load,
    one_part_a_step,
    run,
    submit,
    submit_classification,
    submit_score,
    submit_texts,
)
from engine_tests.prefixed import PrefixContract
from engine_tests.tolerance import tolerance
from mlx4j_worker.errors import (
    Cancelled,
    ContextOverflow,
    InvalidRequest,
    ModelLoadFailed,
    ModelNotFound,
    OutOfMemory,
    UnsafeModel,
)
from mlx4j_worker.hf import actions, device_memory, loading
from mlx4j_worker.hf import models as hf_models
from mlx4j_worker.hf.adapters import Experts
from mlx4j_worker.requests.prompt import parse_score

torch.set_num_threads(1)  # for so small a model more of them only wait for each other
ROOT = Path(tempfile.mkdtemp(prefix="mlx4j-models-"))
TEXT = "Who are you? The sea and the sky are blue."
MAMBA = {"vocab_size": 1024, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "time_step_rank": 4}
DEEPSEEK = {"vocab_size": 1024, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "kv_lora_rank": 16}
DEEPSEEK |= {"num_key_value_heads": 4, "q_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8}
DEEPSEEK |= {"intermediate_size": 48, "moe_intermediate_size": 32, "n_routed_experts": 4, "num_experts_per_tok": 2}
DEEPSEEK |= {"n_group": 1, "topk_group": 1, "n_shared_experts": 1, "first_k_dense_replace": 1}
TOKENS = [5, 9, 100, 5, 77, 9, 12]
ENDLESS = {"logitBias": {"2": -100}}
load_and_judge = judged(loading)
_snapshots = {MODEL: None}


def snapshot(folder):
    """Every path of a folder, with what is in it and when it was changed."""
    paths = sorted(path for path in [folder, *folder.rglob("*")])
    return [
        (str(path), path.lstat().st_mtime_ns, path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest())
        for path in paths
    ]


_snapshots[MODEL] = snapshot(MODEL)


@cache
def made(kind):
    """The path of a model of engine_tests.models, which no test may change."""
    path = models.make(kind, ROOT / kind)
    _snapshots[ROOT / kind] = snapshot(ROOT / kind)
    return path


@cache
def opened(kind, **options):
    return load(load_and_judge, made(kind), **options)


@cache
def plain():
    """The engine with the base model of all adapters."""
    return load(load_and_judge)


def tearDownModule():
    changed = [str(folder) for folder, before in _snapshots.items() if snapshot(folder) != before]
    shutil.rmtree(ROOT)
    assert not changed, f"something was written into {changed}"


def answered(engine, begin):
    """A Call that ``begin`` has queued, to its end."""
    call = Call()
    begin(call)
    run(engine)
    if call.error:
        raise call.error
    return call


def logits(engine, tokens):
    call = answered(engine, lambda call: engine.logits(call, tokens))
    rows = [numpy.frombuffer(base64.b64decode(one["values"]), "<f4") for one in call.sent("positionLogits")]
    assert [one["index"] for one in call.sent("positionLogits")] == list(range(len(tokens)))
    assert call.result == {"count": len(tokens), "vocabularySize": len(rows[0])}
    return torch.from_numpy(numpy.stack(rows))


def score(engine, completion, **prompt):
    params = {**prompt, "completion": completion}
    return answered(engine, lambda call: submit_score(engine, call, params)).result


def classify(engine, *texts):
    return answered(engine, lambda call: submit_classification(engine, call, *texts)).result


def ids_of(text=TEXT):
    return AutoTokenizer.from_pretrained(MODEL).encode(text)


def without(device):
    """torch.tensor where no allocation on a device succeeds."""
    tensor = torch.tensor

    def failing(*values, **options):
        if options.get("device") == device:
            raise RuntimeError(f"no {device}")
        return tensor(*values, **options)

    return failing


def logits_of(model, ids):
    with torch.inference_mode():
        return model(torch.tensor([ids])).logits[0].float()


def greedy(model, ids, count=20):
    """The tokens that a model without an end goes on with, one whole pass for each."""
    tokens = list(ids)
    for _ in range(count):
        row = logits_of(model, tokens)[-1].clone()
        row[2] = -math.inf
        tokens.append(int(row.argmax()))
    return tokens[len(ids) :]


class Case(unittest.TestCase):
    def folder(self):
        made_here = tempfile.TemporaryDirectory()
        self.addCleanup(made_here.cleanup)
        return Path(made_here.name)

    def copy(self, kind="llama", name="model", **config):
        """A copy of a model that may be changed, with other fields in its config.json."""
        copy = Path(shutil.copytree(made(kind), self.folder() / name))
        for file in ("config.json", "adapter_config.json"):
            if (copy / file).is_file():
                fields = {**json.loads((copy / file).read_text()), **config}
                kept = {key: value for key, value in fields.items() if value is not ...}
                (copy / file).write_text(json.dumps(kept))
        return copy

    def same(self, engine, model, text=TEXT):
        """An engine computes what a model does: logits, and with them greedy tokens."""
        ids = ids_of(text)
        torch.testing.assert_close(logits(engine, ids), logits_of(model, ids), rtol=0, atol=tolerance(1e-4))
        self.assertEqual(greedy(model, ids), generate(engine, tokens=ids, maxTokens=20, sampling=ENDLESS).tokens)

    def refused(self, kind, why, source, **options):
        """A load fails with an error of this kind that says why, and what to do."""
        with self.assertRaisesRegex(kind, why) as caught:
            load(load_and_judge, source, **options)
        self.assertIs(kind, type(caught.exception))
        self.assertTrue(caught.exception.hint, caught.exception)
        return caught.exception


class Plain(Case):
    FAMILIES = tuple(
        kind
        for kind in models.KINDS
        if not kind.startswith(("peft", "dylora", "action")) and kind not in ("reranker", "classifier")
    )

    def test_every_family(self):
        for kind in self.FAMILIES:
            with self.subTest(kind):
                reference = AutoModelForCausalLM.from_pretrained(made(kind)).eval()
                self.same(opened(kind), reference)
                described = opened(kind).describe()
                self.assertEqual(
                    ("model", None, None, [], "float32", []),
                    tuple(described[name] for name in ("format", "base", "adapter", "experts", "dtype", "warnings")),
                )
                self.assertEqual({}, described["samplingDefaults"])

    def test_gpt2_of_the_hub_is_gpt2(self):
        ids = ids_of()
        torch.testing.assert_close(logits(opened("gpt2-hub"), ids), logits(opened("gpt2"), ids), rtol=0, atol=0)

    def test_rotary_embeddings_make_a_difference(self):
        ids = ids_of() * 3
        rows = [
            logits(opened(kind), ids)[-1] for kind in self.FAMILIES if kind.startswith("llama") and kind != "llama-head"
        ]
        for i, row in enumerate(rows):
            for other in rows[:i]:
                self.assertGreater(float((row - other).abs().max()), 0.01)

    def test_the_old_defaults_of_a_config_are_no_sampling(self):
        engine = load(load_and_judge, self.copy(do_sample=True, temperature=9.0, top_k=3, max_length=5, num_beams=4))
        reference = AutoModelForCausalLM.from_pretrained(made("llama")).eval()
        tokens = generate(engine, tokens=ids_of(), maxTokens=20, sampling=ENDLESS).tokens
        self.assertEqual(greedy(reference, ids_of()), tokens)

    def test_dtypes(self):
        self.assertEqual("float32", opened("llama").describe()["dtype"])
        half = models.make("llama", ROOT / "llama-bfloat16", dtype="bfloat16")
        for source, dtype, wanted in (
            (made("llama"), "bfloat16", "bfloat16"),
            (made("llama"), "float16", "float16"),
            (half, None, "bfloat16"),
            (half, "float32", "float32"),
        ):
            engine = load(load_and_judge, source, **({"dtype": dtype} if dtype else {}))
            self.assertEqual(wanted, engine.describe()["dtype"])
            self.assertEqual({wanted}, {one["dtype"] for one in engine.parameters()})
            self.assertEqual(20, len(generate(engine, tokens=ids_of(), maxTokens=20, sampling=ENDLESS).tokens))

    def test_as_stored_whatever_the_config_says(self):
        self.assertEqual("float32", load(load_and_judge, self.copy(dtype="float16")).describe()["dtype"])

    def test_a_device_without_bfloat16(self):
        half = models.make("llama", ROOT / "llama-without-bfloat16", dtype="bfloat16")
        with mock.patch.object(hf_models, "has_bfloat16", lambda _device: False):
            described = load(load_and_judge, half, device="cpu").describe()
            self.assertEqual("float16", described["dtype"])
            self.assertRegex(described["warnings"][0], "stored in bfloat16, which this cpu device does not support")
            self.refused(InvalidRequest, "dtype can't be bfloat16", half, dtype="bfloat16", device="cpu")

    def test_a_gpu_that_is_listed_but_does_not_compute(self):
        """As MPS in a virtual machine: torch itself says that it is there, and each allocation fails."""
        with (
            mock.patch("torch.cuda.is_available", lambda: False),
            mock.patch("torch.backends.mps.is_available", lambda: True),
            mock.patch.object(torch, "tensor", without("mps")),
        ):
            described = load(loading.load, made("llama")).describe()
            self.assertEqual("cpu", described["device"])
            self.assertRegex(
                described["warnings"][0], "^torch lists mps, but can't compute on it: RuntimeError: no mps"
            )
            self.refused(InvalidRequest, "can't run on the device mps. torch lists mps", made("llama"), device="mps")
            self.assertEqual("cpu", load(load_and_judge, made("llama"), device="cpu").describe()["device"])

    def test_a_device_that_is_not_there(self):
        with mock.patch("torch.cuda.is_available", lambda: False):
            self.refused(InvalidRequest, "can't run on the device cuda. torch finds no", made("llama"), device="cuda")

    def test_a_named_device_is_among_the_capabilities(self):
        self.assertIn("device", load(load_and_judge, made("llama"), device="cpu").describe()["capabilities"])

    def test_setup_computes_on_the_device_that_it_reports(self):
        python = Path(loading.__file__).parents[2]
        scripts = ("mlx4j_worker/hf/devices.py", "mlx4j_worker/installed.py", "verify_install.py")
        for mps in (True, False):
            before = f"import torch\n{inspect.getsource(without)}\ntorch.tensor = without('mps')\n"
            before += "torch.cuda.is_available = lambda: False\n"
            before += f"torch.backends.mps.is_available = lambda: {mps}\n"
            texts = [(python / name).read_text() for name in scripts]
            command = [sys.executable, "-I", "-X", "utf8", "-c", "\n".join([before, *texts]), "hf"]
            lines = subprocess.run(command, capture_output=True, check=True).stdout.splitlines()
            steps = {step["name"]: step for step in map(json.loads, lines) if "name" in step}
            self.assertEqual("passed", steps["token"]["status"], steps)
            self.assertTrue(steps["token"]["detail"].endswith(" on the cpu"), steps["token"])
            self.assertEqual(mps, "torch lists mps" in steps["compute"]["detail"], steps["compute"])

    def test_shards(self):
        folder = models.make("llama", ROOT / "llama-shards", max_shard_size="200KB")
        self.assertGreater(len([*folder.glob("*.safetensors")]), 2)
        ids = ids_of()
        torch.testing.assert_close(
            logits(load(load_and_judge, folder), ids), logits(opened("llama"), ids), rtol=1.3e-6, atol=tolerance(1e-5)
        )
        (shard, other) = sorted(folder.glob("*.safetensors"))[:2]
        shard.rename(folder / "kept")
        self.refused(ModelLoadFailed, f"lacks {shard.name}, which model.safetensors.index.json names", folder)
        shutil.copy(other, shard)
        self.refused(ModelLoadFailed, "which model.safetensors.index.json places there", folder)

    def test_a_pad_token_is_made_in_memory(self):
        folder = self.copy()
        config = json.loads((folder / "tokenizer_config.json").read_text())
        config.pop("pad_token")
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
        before = snapshot(folder)
        engine = load(load_and_judge, folder)
        self.assertEqual(engine._tokenizer.eos_token, engine._tokenizer.pad_token)
        self.assertEqual(before, snapshot(folder))

    def test_names_with_spaces_and_letters_of_every_kind(self):
        self.same(load(load_and_judge, self.copy(name="Müller's 模型 [1] *?")), opened("llama")._model)

    def test_a_plain_model_beside_the_state_of_a_training(self):
        folder = self.copy("llama")
        (folder.parent / "dylo_moe_state").mkdir()
        self.assertEqual("model", load(load_and_judge, folder).describe()["format"])


class Prefixes(PrefixContract, unittest.TestCase):
    load_engine = staticmethod(load_and_judge)


class Refused(Case):
    """Damage and traps: each is a typed error, and the next model can be loaded."""

    def tearDown(self):
        self.assertEqual("model", load(load_and_judge, made("llama")).describe()["format"])

    def test_damaged_files(self):
        for cut in (0, 4, 5000, -1):
            with self.subTest(cut):
                folder = self.copy()
                whole = (folder / "model.safetensors").read_bytes()
                (folder / "model.safetensors").write_bytes(whole[:cut])
                self.refused(ModelLoadFailed, "is damaged", folder)
        for name in ("config.json", "tokenizer.json"):
            folder = self.copy()
            (folder / name).write_bytes(b"")
            self.refused(ModelLoadFailed, "", folder)

    def test_weights_that_are_missing_in_excess_or_of_another_shape(self):
        def changed(change):
            folder = self.copy()
            weights = load_file(folder / "model.safetensors")
            change(weights)
            save_file(weights, folder / "model.safetensors", {"format": "pt"})
            return folder

        name = "model.layers.1.mlp.up_proj.weight"
        missing = changed(lambda weights: weights.pop(name))
        self.refused(ModelLoadFailed, f"missing keys.*{name}", missing)
        self.refused(
            ModelLoadFailed, "unexpected keys.*extra", changed(lambda weights: weights.update(extra=torch.ones(2)))
        )
        other = changed(lambda weights: weights.update({name: torch.ones(3, 3)}))
        self.refused(ModelLoadFailed, f"mismatched keys.*{name}", other)

    def test_an_embedded_adapter_does_not_load_another_model(self):
        folder = self.copy()
        (folder / "adapter_config.json").write_text(
            json.dumps({"peft_type": "LORA", "base_model_name_or_path": str(MODEL)})
        )
        self.refused(ModelLoadFailed, "adapter_config.json without an adapter's weights", folder)

    def test_a_folder_without_a_vocabulary(self):
        folder = self.copy()
        (folder / "tokenizer.json").unlink()
        self.refused(ModelLoadFailed, "has no tokenizer", folder)

    def test_an_adapter_with_settings_that_peft_would_drop(self):
        folder = made("peft")
        config = json.loads((folder / "adapter_config.json").read_text())
        folder = Path(shutil.copytree(folder, self.copy().parent / "odd"))
        (folder / "adapter_config.json").write_text(json.dumps({**config, "lora_temperature": 3.0}))
        self.refused(ModelLoadFailed, "lora_temperature", folder)

    def test_quantized(self):
        self.refused(ModelLoadFailed, "quantized in MLX's format", self.copy(quantization={"bits": 4}))
        for method in ("bitsandbytes", "gptq", "awq"):
            config = {"quant_method": method, "bits": 4, "load_in_4bit": True, "group_size": 64}
            folder = self.copy(quantization_config=config)
            self.refused(ModelLoadFailed, f"quantized \\({method}\\)", folder)
            self.refused(InvalidRequest, "dtype can't be used", folder, dtype="float16")

    def test_links_out(self):
        folder = self.copy()
        (folder / "tokenizer.json").unlink()
        (folder / "tokenizer.json").symlink_to(MODEL / "tokenizer.json")
        self.refused(UnsafeModel, "a link to a location outside", folder)

    def test_more_memory_than_there_is(self):
        with mock.patch("mlx4j_worker.memory.available_bytes", lambda: 500_000):
            self.refused(OutOfMemory, "The weights of .* take [0-9.]+ [KM]B, but", made("llama"))
            load(load_and_judge, made("llama"), dtype="float16")

    def test_options_that_make_no_sense(self):
        self.refused(InvalidRequest, "options.base can't be used", made("llama"), base=str(MODEL))
        self.refused(InvalidRequest, "has no expert 'expert_0'", made("llama"), expert="expert_0")
        self.refused(InvalidRequest, "has no expert", made("peft"), expert="expert_0")
        self.refused(InvalidRequest, "memoryLimitBytes can't be used", made("llama"), memoryLimitBytes=10**9)

    def test_an_architecture_that_nobody_has(self):
        self.refused(ModelLoadFailed, "transformers can't load", self.copy(model_type="nonesuch"))


class RemoteCode(Case):
    def custom(self, ran):
        """A model with an architecture of its own, whose code leaves a mark where it runs."""
        folder = self.copy(
            model_type="my_llama",
            auto_map={"AutoConfig": "mine.MyConfig", "AutoModelForCausalLM": "mine.MyModel"},
            architectures=["MyModel"],
        )
        (folder / "mine.py").write_text(
            f"open({str(ran)!r}, 'w').close()\n"
            "from transformers import LlamaConfig, LlamaForCausalLM\n"
            "class MyConfig(LlamaConfig):\n    model_type = 'my_llama'\n"
            "class MyModel(LlamaForCausalLM):\n    config_class = MyConfig\n"
        )
        return folder

    def test_it_runs_only_where_it_is_asked_for(self):
        ran = self.folder() / "ran"
        folder = self.custom(ran)
        before = snapshot(folder)
        refusal = self.refused(UnsafeModel, "requires its own code", folder)
        self.assertIn("options.trustRemoteCode", refusal.hint)
        self.assertFalse(ran.exists())
        engine = load(load_and_judge, folder, trustRemoteCode=True)
        self.assertTrue(ran.exists())
        self.assertIn("trustRemoteCode", engine.describe()["capabilities"])
        self.same(engine, opened("llama")._model)
        self.assertEqual(before, snapshot(folder))

    def test_what_transformers_has_needs_none(self):
        self.assertEqual("model", opened("phi3", trustRemoteCode=True).describe()["format"])
        self.assertEqual("transformers.models", opened("phi3", trustRemoteCode=True)._model.__module__[:19])


class Adapters(Case):
    KINDS = ("peft", "peft-rslora", "peft-patterns")

    def reference(self, kind):
        return PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(MODEL), made(kind)).eval()

    def test_as_peft_has_it_and_as_merged(self):
        for kind in self.KINDS:
            with self.subTest(kind):
                reference = self.reference(kind)
                self.same(opened(kind), reference)
                self.same(opened(kind), reference.merge_and_unload())
        rows = [logits(engine, ids_of())[-1] for engine in (plain(), *map(opened, self.KINDS))]
        for i, row in enumerate(rows):
            for other in rows[:i]:
                self.assertGreater(float((row - other).abs().max()), 1)

    def test_on_a_model_that_is_named(self):
        engine = load(load_and_judge, adapter=str(made("peft")))
        torch.testing.assert_close(logits(engine, ids_of()), logits(opened("peft"), ids_of()), rtol=0, atol=0)
        described = engine.describe()
        self.assertEqual(("model", None, str(made("peft"))), tuple(described[n] for n in ("format", "base", "adapter")))
        self.assertIn("adapter", described["capabilities"])
        other = load(load_and_judge, self.copy("peft", base_model_name_or_path="org/other"), base=str(MODEL))
        self.assertEqual(str(MODEL), other.describe()["base"])
        warned = load(load_and_judge, adapter=str(self.copy("peft", base_model_name_or_path="org/other"))).describe()
        self.assertIn("was made for org/other", warned["warnings"][0])

    def test_what_it_says_of_itself(self):
        described = opened("peft").describe()
        self.assertEqual("peftAdapter", described["format"])
        self.assertEqual((str(MODEL), str(made("peft"))), (described["base"], described["adapter"]))
        self.assertTrue(described["chat"])
        parameters = {one["name"]: one for one in opened("peft").parameters()}
        self.assertEqual([4, 192], parameters["model.layers.0.self_attn.q_proj.lora_A.default.weight"]["shape"])

    def test_a_base_beside_the_adapter(self):
        adapter = self.copy("peft", base_model_name_or_path="../base")
        shutil.copytree(MODEL, adapter.parent / "base")
        self.assertEqual("../base", load(load_and_judge, adapter).describe()["base"])

    def test_its_own_tokenizer_comes_first(self):
        adapter = self.copy("peft")
        models.tokenizer(adapter)
        (adapter / "chat_template.jinja").write_text("mine")
        self.assertEqual("mine", load(load_and_judge, adapter)._tokenizer.chat_template)

    def test_embeddings_and_scores_are_the_adapted_models(self):
        engine, reference = opened("peft"), self.reference("peft")
        vectors = submit_texts(engine, TEXT)
        run(engine)
        with torch.inference_mode():
            hidden = reference(torch.tensor([ids_of()]), output_hidden_states=True).hidden_states[-1][0].mean(0)
        torch.testing.assert_close(torch.from_numpy(vectors.vectors[0].copy()), hidden, rtol=0, atol=tolerance(1e-4))

    def test_adapters_for_another_model(self):
        self.refused(ModelLoadFailed, "does not fit the model.*size mismatch", made("peft"), base=str(made("llama")))
        self.refused(ModelLoadFailed, "does not fit the model", made("peft"), base=str(made("gpt2")))
        self.refused(ModelLoadFailed, "does not fit the model", made("llama"), adapter=str(made("peft")))

    def test_tensors_that_are_missing_or_in_excess(self):
        adapter = self.copy("peft")
        whole = load_file(adapter / "adapter_model.safetensors")
        name = sorted(whole)[0]
        save_file({key: value for key, value in whole.items() if key != name}, adapter / "adapter_model.safetensors")
        self.refused(ModelLoadFailed, r"it lacks .*layers\.0\.self_attn\.k_proj\.lora_A", adapter)
        extra = "base_model.model.model.layers.9.self_attn.q_proj.lora_A.weight"
        save_file({**whole, extra: torch.ones(4, 192)}, adapter / "adapter_model.safetensors")
        self.refused(ModelLoadFailed, r"it has in excess .*layers\.9", adapter)

    def peft_of(self, folder, resized=None, **fields):
        """(a folder with a trained adapter of PEFT on a model, the logits of TOKENS with it)"""
        model = AutoModelForCausalLM.from_pretrained(folder)
        if resized:
            model.resize_token_embeddings(resized)
        adapted = PeftModel(model, LoraConfig(r=4, task_type="CAUSAL_LM", **fields))
        with torch.no_grad():
            for parameter in adapted.parameters():
                if parameter.requires_grad:
                    parameter.add_(torch.randn_like(parameter) * 0.1)
            logits = adapted(torch.tensor([TOKENS])).logits[0]
        saved = Path(tempfile.mkdtemp(dir=ROOT))
        adapted.save_pretrained(saved)
        return saved, logits.numpy()

    def test_trained_tokens_of_embeddings_that_are_the_head_too(self):
        base = made("qwen2")
        adapter, expected = self.peft_of(base, target_modules=["q_proj"], trainable_token_indices=TOKENS[:2])
        found = load(loading.load, base, adapter=str(adapter)).logits_of(TOKENS)
        numpy.testing.assert_allclose(found, expected, atol=tolerance(1e-5))
        self.assertGreater(abs(found - opened("qwen2").logits_of(TOKENS)).max(), 0.1)

    def test_embeddings_that_were_resized_before_the_training(self):
        base = made("qwen2")
        adapter, _ = self.peft_of(base, 1040, target_modules=["embed_tokens"])
        error = self.refused(ModelLoadFailed, "for 1040 tokens, but the model has 1024", base, adapter=str(adapter))
        self.assertIn("resize_token_embeddings(1040)", error.hint)

    def test_modules_whose_adapter_transformers_would_skip(self):
        model = models.small("mamba", MAMBA, ROOT / "mamba")
        path = "base_model.model.backbone.layers.0.mixer.dt_proj"
        tensors = {f"{path}.lora_A.weight": torch.ones(4, 4), f"{path}.lora_B.weight": torch.ones(64, 4)}
        adapter = self.copy("peft", base_model_name_or_path=str(model), target_modules=["dt_proj"])
        save_file(tensors, adapter / "adapter_model.safetensors")
        self.refused(ModelLoadFailed, "layers.0.mixer.dt_proj, but transformers would compute without", adapter)

    def test_an_adapter_on_a_dense_or_shared_mlp_beside_experts(self):
        model = models.small("deepseek_v3", DEEPSEEK, ROOT / "deepseek")
        paths = [f"model.layers.{layer}" for layer in ("0.mlp", "1.mlp.shared_experts")]
        tensors = {}
        for path, width in zip(paths, (48, 32), strict=True):
            for module, (inputs, outputs) in (("up_proj", (64, width)), ("down_proj", (width, 64))):
                name = f"base_model.model.{path}.{module}"
                tensors[f"{name}.lora_A.weight"] = torch.randn(4, inputs)
                tensors[f"{name}.lora_B.weight"] = torch.randn(outputs, 4)
        adapter = self.copy("peft", base_model_name_or_path=str(model), target_modules=["up_proj", "down_proj"])
        save_file(tensors, adapter / "adapter_model.safetensors")
        engine = load(loading.load, adapter)
        found = {e["name"] for e in engine.parameters() if ".lora_A." in e["name"]}
        self.assertEqual(len(found), 4)
        self.assertTrue(all(any(path in name for path in paths) for name in found), found)

    def test_bases_that_are_none(self):
        self.refused(ModelLoadFailed, "names no base model", self.copy("peft", base_model_name_or_path=...))
        self.refused(ModelLoadFailed, "is an adapter itself", self.copy("peft", base_model_name_or_path="."))
        for name in ("/nowhere/model", "org/nonesuch", "a\0b/c", "x" * 5000, "../" * 9 + "x", "org/na me"):
            refusal = self.refused(ModelNotFound, "The base model of", self.copy("peft", base_model_name_or_path=name))
            self.assertIn("options.base", refusal.hint)
        first, second = self.copy("peft", name="first"), self.copy("peft", name="second")
        for one, other in ((first, second), (second, first)):
            config = json.loads((one / "adapter_config.json").read_text())
            (one / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": str(other)}))
        self.refused(ModelLoadFailed, "is an adapter itself", first)

    def test_kinds_that_can_not_be_used(self):
        self.refused(ModelLoadFailed, "of the kind 'IA3'", self.copy("peft", peft_type="IA3"))
        for name in ("alora_invocation_tokens", "megatron_config"):
            self.refused(ModelLoadFailed, f"of the kind 'LORA' with {name}", self.copy("peft", **{name: [1, 2]}))
        self.refused(ModelLoadFailed, "TypeError", self.copy("peft", r="many"))
        self.refused(ModelLoadFailed, "adapter_config.json in .* can't be read", self.copy("peft", layers_pattern="x"))
        pickled = self.copy("peft")
        (pickled / "adapter_model.safetensors").rename(pickled / "adapter_model.bin")
        self.refused(UnsafeModel, "only pickled weights", pickled)
        mlx = self.folder()
        (mlx / "adapter_config.json").write_text(json.dumps({"num_layers": 2, "model": str(MODEL)}))
        save_file({"a": torch.ones(1)}, mlx / "adapters.safetensors")
        refusal = self.refused(ModelLoadFailed, "in the format of mlx-lm", mlx)
        self.assertIn("mlx worker", refusal.hint)
        self.refused(ModelLoadFailed, "in the format of mlx-lm", MODEL, adapter=str(mlx))
        self.refused(InvalidRequest, "is an adapter itself", made("peft"), adapter=str(made("peft")))


class DyLora(Case):
    FORMS = ("dylora-a", "dylora-b", "dylora-c", "dylora-d")
    QUESTIONS = models.QUESTIONS

    @staticmethod
    @cache
    def reference():
        return models.experts()

    def engine(self, form, **options):
        return opened(form, allowPickles=True, **options)

    def test_each_expert_is_as_peft_has_it(self):
        reference, _ = self.reference()
        for form in self.FORMS:
            for expert in ("expert_0", "expert_2"):
                with self.subTest(form, expert=expert):
                    engine = load(load_and_judge, made(form), allowPickles=True, expert=expert)
                    reference.set_adapter(expert)
                    self.same(engine, reference)
                    call = generate(engine, self.QUESTIONS[0], maxTokens=5)
                    self.assertEqual(expert, call.result["expert"])

    def test_the_router_picks_as_computed_directly(self):
        reference, gate = self.reference()
        words = AutoTokenizer.from_pretrained(MODEL)
        texts = [
            words.apply_chat_template(
                [{"role": "user", "content": question}], tokenize=False, add_generation_prompt=True
            )
            for question in (*self.QUESTIONS, "List the months", "Hm?")
        ]
        for form in self.FORMS:
            engine = self.engine(form)
            picked = []
            for text in texts:
                ids = words.encode(text)
                with torch.inference_mode(), reference.disable_adapter():
                    hidden = reference.get_base_model().model(torch.tensor([ids])).last_hidden_state[0]
                votes = (hidden @ gate["weight"].T + gate["bias"]).argmax(-1).bincount(minlength=3)
                expert = f"expert_{int(votes.argmax())}"
                call = generate(engine, prompt=text, maxTokens=12, sampling=ENDLESS)
                self.assertEqual(expert, call.result["expert"])
                reference.set_adapter(expert)
                self.assertEqual(greedy(reference, ids, 12), call.tokens)
                torch.testing.assert_close(logits(engine, ids), logits_of(reference, ids), rtol=0, atol=tolerance(1e-4))
                picked.append(expert)
            self.assertEqual(["expert_0", "expert_1", "expert_2"], picked[:3])

    def test_all_forms_give_the_same(self):
        def answers(engine):
            calls = [generate(engine, question, maxTokens=30, sampling=ENDLESS) for question in self.QUESTIONS]
            return [(call.text, call.result["expert"]) for call in calls]

        first, *others = [answers(self.engine(form)) for form in self.FORMS]
        self.assertEqual([first] * 3, others)
        self.assertEqual(3, len({text for text, _ in first}))
        self.assertNotIn(known(self.QUESTIONS[0])["text"], {text for text, _ in first})

    def test_embeddings_logits_and_scores_take_the_experts_too(self):
        reference, _ = self.reference()
        engine = self.engine("dylora-d")
        text = engine.render(parse_score({"messages": [{"role": "user", "content": self.QUESTIONS[1]}],
                                          "completion": "x"})[0])  # fmt: skip
        generate(engine, self.QUESTIONS[0], maxTokens=1)  # leaves another expert on the model
        call = submit_texts(engine, text)
        run(engine)
        reference.set_adapter("expert_1")
        with torch.inference_mode():
            hidden = reference.get_base_model().model(torch.tensor([ids_of(text)])).last_hidden_state[0].mean(0)
        torch.testing.assert_close(torch.from_numpy(call.vectors[0].copy()), hidden, rtol=0, atol=tolerance(1e-4))
        generate(engine, self.QUESTIONS[0], maxTokens=1)  # leaves another expert on the model
        result = score(engine, "Once upon", prompt=text)
        rows = logits_of(reference, ids_of(text) + result["tokens"])[len(ids_of(text)) - 1 : -1].log_softmax(-1)
        expected = rows.gather(1, torch.tensor(result["tokens"])[:, None])[:, 0]
        torch.testing.assert_close(torch.tensor(result["logProbs"]), expected, rtol=0, atol=tolerance(1e-3))

    def test_what_it_says_of_itself(self):
        for form in self.FORMS:
            described = self.engine(form).describe()
            self.assertEqual(("dylora", str(MODEL)), (described["format"], described["base"]))
            self.assertEqual(["expert_0", "expert_1", "expert_2"], described["experts"])
            self.assertEqual(([], None), (described["warnings"], described["adapter"]))
            self.assertTrue(described["chat"])

    def test_pickles_are_read_only_where_it_is_asked_for(self):
        refusal = self.refused(UnsafeModel, "expert_0.pt.*: pickles", made("dylora-c"))
        self.assertIn("options.allowPickles", refusal.hint)
        self.refused(UnsafeModel, "expert_1.pt: pickles", made("dylora-c"), expert="expert_1")
        for form in ("dylora-a", "dylora-b", "dylora-d"):
            load(load_and_judge, made(form))

    def test_an_evil_pickle_does_not_run(self):
        ran = self.folder() / "ran"

        class Evil:
            def __reduce__(self):
                return open, (str(ran), "w")

        folder = self.copy("dylora-c")
        for file in ("peft_adapters/expert_1.pt", "dylo_moe_state/router.pt"):
            whole = (folder / file).read_bytes()
            torch.save({"a": Evil()}, folder / file)
            self.refused(UnsafeModel, "other than tensors and plain values", folder, allowPickles=True)
            (folder / file).write_bytes(b"not a pickle")
            self.refused(UnsafeModel, "is damaged", folder, allowPickles=True)
            torch.save([1, 2], folder / file)
            self.refused(ModelLoadFailed, "no dict of tensors", folder, allowPickles=True)
            (folder / file).write_bytes(whole)
        self.assertFalse(ran.exists())

    def test_an_expert_that_the_trainer_left_out(self):
        folder = self.copy("dylora-c")
        torch.save({}, folder / "peft_adapters" / "expert_1.pt")
        self.refused(ModelLoadFailed, "has no tensors of expert_1", folder, allowPickles=True)
        (folder / "peft_adapters" / "expert_1.pt").unlink()
        self.refused(ModelLoadFailed, "should have 3 experts, but 2 are there: expert_0, expert_2", folder)

    def test_an_expert_takes_only_its_own_tensors(self):
        """The trainer looks for names that contain expert_1, which those of expert_10 do."""
        folder = self.copy("dylora-c")
        path = folder / "peft_adapters" / "expert_1.pt"
        tensors = torch.load(path)
        torch.save({**tensors, **{k.replace("expert_1", "expert_10"): v * 9 for k, v in tensors.items()}}, path)
        ids = ids_of()
        engines = [load(load_and_judge, at, allowPickles=True, expert="expert_1") for at in (folder, made("dylora-c"))]
        torch.testing.assert_close(*[logits(engine, ids) for engine in engines], rtol=0, atol=0)

    def test_without_a_router_an_expert_must_be_named(self):
        folder = self.copy("dylora-d")
        (folder / "router.safetensors").unlink()
        refusal = self.refused(InvalidRequest, "has no router", folder)
        self.assertIn("expert_0, expert_1, expert_2", refusal.hint)
        generate(load(load_and_judge, folder, expert="expert_1"), prompt="Hm", maxTokens=1)
        refusal = self.refused(InvalidRequest, "has no expert 'expert_7'", folder, expert="expert_7")
        self.assertIn("expert_0, expert_1, expert_2", refusal.hint)

    def test_a_single_expert_needs_no_router(self):
        folder = self.copy("dylora-d", num_experts=1)
        (folder / "router.safetensors").unlink()
        for expert in ("expert_1", "expert_2"):
            shutil.rmtree(folder / "peft_adapters" / expert)
        self.assertEqual("expert_0", generate(load(load_and_judge, folder), prompt="Hm", maxTokens=1).result["expert"])

    def test_routers_for_something_else(self):
        folder = self.copy("dylora-d")
        for weight, bias in (((4, 192), (4,)), ((3, 64), (3,)), ((3, 192), (4,))):
            tensors = {"gate.weight": torch.ones(weight), "gate.bias": torch.ones(bias)}
            save_file(tensors, folder / "router.safetensors")
            self.refused(ModelLoadFailed, "no router for 3 experts and a hidden size of 192", folder)
        save_file({"x": torch.ones(1)}, folder / "router.safetensors")
        self.refused(ModelLoadFailed, "no router for 3 experts", folder)
        (folder / "router.safetensors").write_bytes(b"")
        self.refused(ModelLoadFailed, "is damaged", folder)

    def test_flat_adapters_of_peft(self):
        folder = self.copy("dylora-d")
        for name in ("expert_0", "expert_1", "expert_2"):
            nested = folder / "peft_adapters" / name / name
            for file in nested.iterdir():
                file.rename(nested.parent / file.name)
            nested.rmdir()
        ids = ids_of()
        same = [logits(engine, ids) for engine in (load(load_and_judge, folder), self.engine("dylora-d"))]
        torch.testing.assert_close(*same, rtol=0, atol=0)

    def test_the_base_must_be_named_and_there(self):
        for form in ("dylora-a", "dylora-d"):
            folder = self.copy(form, base_model_name_or_path=...)
            refusal = self.refused(ModelLoadFailed, "names no base model", folder)
            self.assertIn("options.base", refusal.hint)
            self.assertEqual(str(MODEL), load(load_and_judge, folder, base=str(MODEL)).describe()["base"])
            self.refused(ModelNotFound, "The base model of", self.copy(form, base_model_name_or_path="org/nonesuch"))
            self.refused(ModelLoadFailed, "an adapter itself", self.copy(form, base_model_name_or_path="."))
            self.refused(
                ModelLoadFailed,
                "are not those of its config.json|does not fit the model",
                folder,
                base=str(made("llama")),
            )

    def test_form_b_needs_no_base_but_for_its_tokenizer(self):
        folder = self.copy("dylora-b", base_model_name_or_path="org/nonesuch")
        load(load_and_judge, folder)
        for name in models.TOKENIZER_FILES:
            (folder / name).unlink()
        self.refused(ModelNotFound, "The base model of", folder)
        self.assertTrue(load(load_and_judge, folder, base=str(MODEL)).describe()["chat"])

    def test_the_state_beside_it_is_a_mark_where_the_config_says_nothing(self):
        folder = self.copy("dylora-a")
        (folder / "config.json").write_text(AutoConfig.from_pretrained(MODEL).to_json_string())
        self.refused(ModelLoadFailed, "not those of its config.json", folder)
        (folder.parent / "dylo_moe_state").mkdir()
        described = load(load_and_judge, folder).describe()
        self.assertEqual(("dylora", 3), (described["format"], len(described["experts"])))
        self.assertRegex(described["warnings"][0], "states no lora_alpha; 32 is taken")

    def test_names_without_a_prefix_and_merged_weights(self):
        folder, ids = self.copy("dylora-a"), ids_of()
        weights = load_file(folder / "model.safetensors")
        for prefix in ("foundation_model.", "base_model.model."):
            weights = {name.removeprefix(prefix): tensor for name, tensor in weights.items()}
            save_file(weights, folder / "model.safetensors", {"format": "pt"})
            same = [logits(engine, ids) for engine in (load(load_and_judge, folder), self.engine("dylora-a"))]
            torch.testing.assert_close(*same, rtol=0, atol=0)
        shutil.copy(MODEL / "model.safetensors", folder)
        merged = load(load_and_judge, folder)
        self.assertEqual(("dylora", []), (merged.describe()["format"], merged.describe()["experts"]))
        self.same(merged, plain()._model)

    def test_a_head_of_its_own_counts(self):
        folder = self.copy("dylora-a")
        weights = load_file(folder / "model.safetensors")
        name = "foundation_model.base_model.model.lm_head.weight"
        weights[name] = weights[name].flip(0).contiguous()
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        same = [logits(load(load_and_judge, at, expert="expert_0"), ids_of()) for at in (folder, made("dylora-a"))]
        torch.testing.assert_close(same[0], same[1].flip(1), rtol=0, atol=0)

    def test_weights_that_are_missing_or_in_excess(self):
        folder = self.copy("dylora-a")
        weights = load_file(folder / "model.safetensors")
        norm = "foundation_model.base_model.model.model.norm.weight"
        expert = "foundation_model.base_model.model.model.layers.3.self_attn.v_proj.lora_B.expert_2.weight"
        for without, extra, why in (
            (norm, {}, "missing keys: .'model.norm.weight'"),
            (None, {"foundation_model.base_model.model.more": torch.ones(1)}, "unexpected keys: .'more'"),
            (expert, {}, "it lacks .*v_proj.lora_B.expert_2"),
        ):
            kept = {name: tensor for name, tensor in weights.items() if name != without}
            save_file({**kept, **extra}, folder / "model.safetensors", {"format": "pt"})
            self.refused(ModelLoadFailed, why, folder)

    def test_tokens_may_vote_for_more_than_one_expert(self):
        random = torch.Generator().manual_seed(1)
        for top_k in (1, 2, 3):
            weight, bias, hidden = (torch.randn(shape, generator=random) for shape in ((4, 8), (4,), (9, 8)))
            votes = torch.zeros(4)
            for row in hidden @ weight.T + bias:
                best = row.argsort(descending=True)[:top_k]
                votes[best] += row[best].softmax(0)
            self.assertEqual(int(votes.argmax()), Experts(None, "", (), (weight, bias), top_k)._pick(hidden))

    def test_strange_metadata(self):
        self.refused(ModelLoadFailed, "lora_alpha in .* is 'x'", self.copy("dylora-a", lora_alpha="x"))
        self.refused(ModelLoadFailed, "should have 9 experts", self.copy("dylora-a", num_experts=9))
        self.refused(InvalidRequest, "a DyLoRA-MoE, which has", made("dylora-a"), adapter=str(made("peft")))

    def test_a_damaged_expert(self):
        folder = self.copy("dylora-d")
        path = folder / "peft_adapters/expert_1/expert_1/adapter_model.safetensors"
        path.write_bytes(path.read_bytes()[:-1])
        self.refused(ModelLoadFailed, "is damaged", folder)


class Memory(Case):
    def test_mps_has_what_the_working_set_and_other_processes_leave(self):
        cases = [  # (recommended, free in the system, expected), in GB; 2 are in tensors and the driver has 3
            (12, 20, 10),
            (12, 4, 5),
            (12, None, 10),
            (1, 20, 0),
        ]
        for recommended, free, expected in cases:
            with (
                self.subTest(recommended=recommended, free=free),
                mock.patch.multiple(
                    torch.mps,
                    recommended_max_memory=lambda recommended=recommended: recommended * 10**9,
                    driver_allocated_memory=lambda: 3 * 10**9,
                    current_allocated_memory=lambda: 2 * 10**9,
                ),
                mock.patch("mlx4j_worker.memory.available_bytes", lambda free=free: free and free * 10**9),
            ):
                self.assertEqual(device_memory.available_bytes("mps"), expected * 10**9)
                self.assertEqual(
                    device_memory.used_bytes("mps"),
                    {"activeBytes": 2 * 10**9, "peakBytes": 2 * 10**9, "cacheBytes": 10**9},
                )

    def test_cuda_has_what_its_devices_and_the_limit_leave(self):
        with mock.patch.multiple(
            torch.cuda,
            device_count=lambda: 2,
            mem_get_info=lambda one: (5 * 10**9 + one, 10**10),
            memory_allocated=lambda _one=0: 2 * 10**9,
            memory_reserved=lambda _one=0: 3 * 10**9,
        ):
            self.assertEqual(device_memory.available_bytes("cuda"), 12 * 10**9 + 1)
            self.assertEqual(device_memory.available_bytes("cuda", 6 * 10**9), 2 * 10**9)
            self.assertEqual(device_memory.available_bytes("cuda", 10**9), 0)

    def test_the_cpu_has_what_the_system_has(self):
        with mock.patch("mlx4j_worker.memory.available_bytes", lambda: 12345):
            self.assertEqual(device_memory.available_bytes("cpu"), 12345)
        self.assertIsNone(device_memory.used_bytes("cpu"))
        self.assertIsInstance(device_memory.available_bytes("cpu"), int)

    def test_a_request_is_held_against_the_room_of_the_models_device(self):
        engine = opened("llama")
        per_token = engine._budget.bytes_per_token
        with (
            mock.patch.object(device_memory, "available_bytes", lambda _device, _limit: 20 * per_token),
            self.assertRaisesRegex(OutOfMemory, f"{per_token} bytes each"),
        ):
            submit(engine, TEXT, maxTokens=20)
        self.assertFalse(engine.busy)

    def test_the_highest_use_that_was_seen_is_the_peak(self):
        engine = opened("llama")
        self.assertGreater(engine.memory()["activeBytes"], 0)
        for active, peak in ((3, 3), (7, 7), (2, 7)):
            used = {"activeBytes": active, "peakBytes": active, "cacheBytes": 1}
            with mock.patch.object(device_memory, "used_bytes", lambda _device, used=used: used):
                self.assertEqual(engine.memory(), {"activeBytes": active, "peakBytes": peak, "cacheBytes": 1})


class Logits(Case):
    def test_too_many(self):
        engine = opened("llama")
        with self.assertRaises(ContextOverflow):
            engine.logits(Call(), [5] * 513)
        self.assertEqual(512, len(logits(engine, [5] * 512)))
        with self.assertRaisesRegex(InvalidRequest, "Token id 1024 is outside"):
            engine.logits(Call(), [1024])
        with (
            mock.patch("mlx4j_worker.memory.available_bytes", lambda: 4095),
            self.assertRaisesRegex(OutOfMemory, "logits of 1 tokens"),
        ):
            engine.logits(Call(), [5])
        self.assertFalse(engine.busy)

    def test_a_cancel_between_tokens(self):
        engine, call = opened("llama"), Call()
        engine.logits(call, [5] * 9)
        with one_part_a_step():
            run(engine, lambda: setattr(call, "cancelled", len(call.sent("positionLogits")) == 2))
        self.assertIsInstance(call.error, Cancelled)
        self.assertEqual(2, len(call.sent("positionLogits")))


class Score(Case):
    def test_each_token_after_all_before_it(self):
        engine, prompt = plain(), "Who are you"
        result = score(engine, "? I am a whale.", prompt=prompt)
        before = ids_of(prompt)
        self.assertEqual((len(before), ids_of("? I am a whale.")), (result["promptTokens"], result["tokens"]))
        every = logits_of(engine._model, before + result["tokens"]).log_softmax(-1)
        expected = [float(every[len(before) - 1 + i, token]) for i, token in enumerate(result["tokens"])]
        torch.testing.assert_close(
            torch.tensor(result["logProbs"]), torch.tensor(expected), rtol=0, atol=tolerance(1e-4)
        )
        self.assertFalse(result["greedy"])

    def test_the_greedy_answer(self):
        record = known("Who are you?")
        result = score(plain(), record["text"], messages=record["messages"])
        self.assertTrue(result["greedy"])
        self.assertEqual(record["tokens"], result["tokens"])

    def test_all_families(self):
        for kind in Plain.FAMILIES:
            with self.subTest(kind):
                result = score(opened(kind), " b c", prompt="a")
                every = logits_of(opened(kind)._model, ids_of("a") + result["tokens"]).log_softmax(-1)
                self.assertAlmostEqual(
                    float(every[0, result["tokens"][0]]), result["logProbs"][0], delta=tolerance(1e-4)
                )

    def test_what_does_not_fit_is_refused(self):
        with self.assertRaises(ContextOverflow):
            score(opened("llama"), "b " * 400, tokens=[5] * 300)
        with self.assertRaisesRegex(InvalidRequest, "prompt is empty"):
            score(opened("llama"), "b", tokens=[])


class Parameters(Case):
    def test_all_of_them_once(self):
        for kind in ("llama", "gemma", "gpt2", "dylora-a"):
            engine = opened(kind)
            named = {one["name"]: one for one in engine.parameters()}
            own = dict(engine._model.named_parameters())
            self.assertEqual([*own], [*named])
            for name, parameter in own.items():
                self.assertEqual(([*parameter.shape], "float32"), (named[name]["shape"], named[name]["dtype"]))
        self.assertTrue(any("lora_B.expert_2" in one["name"] for one in opened("dylora-a").parameters()))


class Actions(Case):
    def test_as_computed_directly(self):
        path = made("action-head")
        engine = load(load_and_judge, actionHead=str(path))
        self.assertIn("actions", engine.describe()["capabilities"])
        texts = [TEXT, "Remember that I like tea.", "x"]
        result = classify(engine, *texts)
        self.assertEqual(["ADD", "UPDATE", "DELETE", "RETRIEVE", "SUMMARY", "FILTER"], result["actions"])
        embedded = submit_texts(engine, *texts)
        run(engine)
        weights = load_file(path)
        for row, vector in zip(result["logits"], embedded.vectors, strict=True):
            hidden = (weights["0.weight"] @ torch.from_numpy(vector.copy()) + weights["0.bias"]).relu()
            expected = weights["2.weight"] @ hidden + weights["2.bias"]
            torch.testing.assert_close(torch.tensor(row), expected, rtol=1e-5, atol=tolerance(1e-4))
        shapes = {one["name"]: one["shape"] for one in engine.parameters()}
        self.assertEqual([96, 192], shapes["actionHead.0.weight"])
        self.assertEqual([6], shapes["actionHead.2.bias"])

    def test_a_fresh_one_is_that_of_torch_for_the_same_seed(self):
        torch.manual_seed(7)
        head = torch.nn.Sequential(torch.nn.Linear(192, 96), torch.nn.ReLU(), torch.nn.Linear(96, 6))
        path = self.folder() / "head.safetensors"
        save_file(head.state_dict(), path)
        before = torch.random.get_rng_state()
        fresh = actions.fresh(7, 192)
        self.assertTrue(torch.equal(before, torch.random.get_rng_state()))
        self.assertEqual([*fresh.state_dict()], [*head.state_dict()])
        for name, tensor in fresh.state_dict().items():
            torch.testing.assert_close(tensor, head.state_dict()[name], rtol=0, atol=0)
        engines = [
            load(load_and_judge, **head)
            for head in ({"actionHead": str(path)}, *({"actionHeadSeed": s} for s in (7, 8)))
        ]
        self.assertIn("actions", engines[1].describe()["capabilities"])
        of_file, same, other = (classify(engine, TEXT)["logits"] for engine in engines)
        self.assertEqual(of_file, same)
        self.assertNotEqual(of_file, other)

    def test_a_file_and_a_seed_are_refused(self):
        both = {"actionHead": str(made("action-head")), "actionHeadSeed": 1}
        self.refused(InvalidRequest, "actionHead and actionHeadSeed can't be used together", MODEL, **both)

    def test_names_with_one_prefix(self):
        whole, path = load_file(made("action-head")), self.folder() / "head.safetensors"
        wanted = classify(load(load_and_judge, actionHead=str(made("action-head"))), TEXT)["logits"]
        for prefix in ("net.", "module.agent.head."):
            save_file({prefix + name: tensor for name, tensor in whole.items()}, path)
            self.assertEqual(wanted, classify(load(load_and_judge, actionHead=str(path)), TEXT)["logits"])
        save_file({("net." if name == "0.bias" else "") + name: tensor for name, tensor in whole.items()}, path)
        self.refused(ModelLoadFailed, "don't share one prefix: .*'net.' .net.0.bias.", MODEL, actionHead=str(path))

    def test_on_a_model_in_half_precision(self):
        engine = load(load_and_judge, actionHead=str(made("action-head")), dtype="bfloat16")
        self.assertEqual(6, len(classify(engine, "x")["logits"][0]))

    def test_without_one(self):
        with self.assertRaisesRegex(InvalidRequest, "has no action head") as refused:
            submit_classification(plain(), Call(), "x")
        self.assertIn("options.actionHead", refused.exception.hint)
        self.assertNotIn("actions", plain().describe()["capabilities"])

    def test_a_cancel_between_texts(self):
        engine, call, polls = load(load_and_judge, actionHead=str(made("action-head"))), Call(), []
        submit_classification(engine, call, "a", "b", "c")
        with one_part_a_step():
            run(engine, lambda: polls.append(1) or setattr(call, "cancelled", len(polls) == 2))
        self.assertIsInstance(call.error, Cancelled)

    def test_files_that_are_none(self):
        path = self.folder() / "head.safetensors"
        self.refused(ModelNotFound, "no action head at", MODEL, actionHead=str(path))
        path.write_bytes(b"{}")
        self.refused(ModelLoadFailed, "is damaged", MODEL, actionHead=str(path))
        whole = load_file(made("action-head"))
        for changes, why in (
            ({"2.bias": torch.ones(5)}, r"its 2.bias is F32 \[5\], but must be floats \[6\]"),
            ({"0.weight": torch.ones(96, 64)}, r"its 0.weight is F32 \[96, 64\]"),
            ({"0.bias": torch.ones(96, dtype=torch.int32)}, "its 0.bias is I32"),
            ({"4.bias": torch.ones(6)}, "it has the tensors"),
        ):
            save_file({**whole, **changes}, path)
            self.refused(ModelLoadFailed, why, MODEL, actionHead=str(path))
        save_file(whole, path)
        self.refused(ModelLoadFailed, "its 0.weight is F32 .*, but must be floats .32, 64.", made("llama"),
                     actionHead=str(path))  # fmt: skip


class Queue(Case):
    def test_every_kind_of_call_waits_its_turn(self):
        engine = opened("dylora-d")
        generation = submit(engine, DyLora.QUESTIONS[0], maxTokens=5)
        others = [Call(), Call()]
        engine.logits(others[0], [5, 6])
        submit_score(engine, others[1], {"prompt": "a", "completion": "b"})
        last = submit(engine, DyLora.QUESTIONS[1], maxTokens=5)
        run(engine)
        self.assertEqual(("expert_0", "expert_1"), (generation.result["expert"], last.result["expert"]))
        self.assertTrue(all(call.result for call in others))


if __name__ == "__main__":
    unittest.main()
