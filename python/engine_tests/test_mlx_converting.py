"""Conversion and fusing over the real mlx-lm and small models. Runs in the mlx worker's environment."""

import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

import mlx.core as mx
import mlx_lm
import numpy
from mlx.utils import tree_flatten

from engine_tests import companions, mlx_models
from engine_tests.harness import MODEL, STORY, Call, generate, known, load
from engine_tests.test_mlx_folders import GPT2, TOKENS, Folders, lora
from engine_tests.tolerance import tolerance
from mlx4j_worker.errors import Cancelled, ConversionFailed, InvalidRequest, ModelLoadFailed
from mlx4j_worker.mlx import loading
from mlx4j_worker.mlx.convert import convert, transform, verify, write

ROPES = {
    "theta": {"rope_type": "default", "rope_theta": 1000000.0},
    "linear": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0},
    "llama3": {
        "rope_type": "llama3",
        "rope_theta": 500000.0,
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 128,
    },
}
NAMES = ("q_proj", "k_proj", "v_proj", "o_proj")
WIDTHS = {"q_proj": 192, "k_proj": 96, "v_proj": 96, "o_proj": 192}


def job(method, source, target, **options):
    """The call that asks for a conversion; it is not run."""
    call = Call()
    call.method = method
    call.params = {"protocol": {"major": 1}, "model": {"source": str(source)}, "folder": str(target)}
    call.params["options"] = options
    return call


def weights(folder):
    """The stored tensors of a folder by name."""
    return {name: tensor for file in folder.glob("model*.safetensors") for name, tensor in mx.load(str(file)).items()}


def parameters(folder, **options):
    """What our loader makes of a folder, by mlx-lm's names."""
    return dict(tree_flatten(load(loading.load, folder, **options)._loaded.model.parameters()))


class Converting(Folders):
    def setUp(self):
        self.target = self.folder("out") / "model"

    def run_job(self, method, source, **options):
        return getattr(convert, method)(job(method, source, self.target, **options), lambda: None)

    def convert(self, source, **options):
        return self.run_job("convert", source, **options)

    def fuse(self, source, **options):
        return self.run_job("fuse", source, **options)

    def plain(self, folder):
        """[tokens, vocabulary] as mlx-lm alone has them."""
        model, _ = mlx_lm.load(str(folder))
        return numpy.array(model(mx.array([TOKENS]))[0].astype(mx.float32))

    def ours(self, folder, **options):
        model = load(loading.load, folder, **options)._loaded.model
        cache = mlx_lm.models.cache.make_prompt_cache(model)
        return numpy.array(model(mx.array([TOKENS]), cache=cache)[0].astype(mx.float32))

    def adapter_of_peft(self, base=MODEL):
        tensors = {}
        for layer in range(4):
            for i, name in enumerate(NAMES):
                path = f"model.layers.{layer}.self_attn.{name}"
                tensors |= lora(path, outputs=WIDTHS[name], seed=10 * layer + i)
        return self.adapter(tensors, base, target_modules=list(NAMES))

    def assertNothingWritten(self):
        self.assertEqual(os.listdir(self.target.parent), [])

    def assertRefused(self, kind, pattern, method, source, **options):
        with self.assertRaisesRegex(kind, pattern) as caught:
            self.run_job(method, source, **options)
        self.assertTrue(caught.exception.hint)


class AsItIs(Converting):
    """Without a change of values: every weight is the same."""

    def check(self, source, alone=True):
        before = parameters(source)
        report = self.convert(source)
        after = parameters(self.target)
        self.assertEqual(before.keys(), after.keys())
        for name, weight in before.items():
            self.assertTrue(mx.array_equal(weight, after[name]).item(), name)
        expected = self.ours(source)
        self.assertClose(self.ours(self.target), expected, 1e-6)  # GPT-2's weights lay the other way round in memory
        if alone:
            self.assertClose(self.plain(self.target), expected, 1e-6)
        self.assertLess(report["verification"]["maxDifference"], tolerance(1e-6))
        self.assertEqual((report["verification"]["weights"], report["quantization"]), ("same", None))
        self.assertEqual(report["tensors"], len(before))
        self.assertEqual(report["bytes"], sum(weight.nbytes for weight in before.values()))
        return report

    def test_llama_with_any_rope_of_transformers_5(self):
        for name, rope in ROPES.items():
            with self.subTest(name):
                source = self.changed(self.model(), rope_parameters=rope)
                self.target = self.folder("out") / "model"
                self.check(source)
                self.assertGreater(numpy.abs(self.ours(source) - self.ours(self.model())).max(), 1e-3)

    def test_gpt2_as_transformers_saves_it(self):
        made = self.model("gpt2", GPT2, activation_function="gelu_new")
        tensors = {}
        for name, weight in weights(made).items():
            turned = weight.ndim == 2 and ".h." in name
            tensors[f"transformer.{name.removeprefix('model.')}"] = mx.contiguous(weight.T) if turned else weight
        config = json.loads((made / "config.json").read_text())
        source = self.saved(tensors, config)
        self.assertClose(self.ours(source), self.ours(made), 1e-6)
        self.check(source)

    def test_a_tied_head_stays_tied_and_a_head_of_its_own_stays(self):
        self.check(self.model("qwen2", tie_word_embeddings=True))
        self.assertNotIn("lm_head.weight", weights(self.target))
        source = self.changed(self.model(), tie_word_embeddings=True)
        self.target = self.folder("out") / "model"
        self.check(source)
        self.assertFalse(json.loads((self.target / "config.json").read_text())["tie_word_embeddings"])

    def test_what_mlx_lm_alone_gets_wrong_is_said(self):
        report = self.check(self.model("mistral", sliding_window=4), alone=False)
        self.assertGreater(report["verification"]["mlxLmDifference"], 0.1)
        self.assertIn("mlx-lm alone", report["warnings"][0])

    def test_the_rest_of_the_folder_comes_along_and_no_more(self):
        source = Path(shutil.copytree(MODEL, self.folder("source") / "model"))
        (source / "LICENSE").write_text("free")
        (source / "tool.py").write_text("print('no')")
        described = ("modules.json", "1_Pooling/config.json", "2_Dense/model.safetensors", "sentence_bert_config.json")
        for name in (*described, "2_Dense/pytorch_model.bin"):
            (source / name).parent.mkdir(exist_ok=True)
            (source / name).write_text(name)
        self.check(source)
        for name in described:
            self.assertEqual((self.target / name).read_text(), name)
        self.assertFalse((self.target / "2_Dense/pytorch_model.bin").exists())
        for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
            self.assertEqual((self.target / name).read_bytes(), (source / name).read_bytes())
        self.assertEqual((self.target / "LICENSE").read_text(), "free")
        self.assertFalse((self.target / "tool.py").exists())
        answer = generate(load(loading.load, self.target), STORY, maxTokens=800)
        self.assertEqual(answer.tokens, known(STORY)["tokens"])

    def test_companion_files_of_macos_stay_behind(self):
        source = Path(shutil.copytree(MODEL, self.folder("source") / "model"))
        (source / "additional_chat_templates").mkdir()
        (source / "additional_chat_templates" / "rag.jinja").write_text("{{ messages }}")
        companions.scatter(source)
        with companions.scattered(self.target.parent, (mx, "save_safetensors")):
            self.check(source, alone=False)  # mlx-lm alone reads the companion of a template
        written = {"model.safetensors.index.json", *companions.kept(source)} - {"test-prompts.jsonl"}
        self.assertEqual(companions.kept(self.target), sorted(written))
        answer = generate(load(loading.load, self.target), STORY, maxTokens=50)
        self.assertEqual(answer.tokens, known(STORY)["tokens"][:50])

    def test_more_than_one_file(self):
        split = [{name: weight} for name, weight in weights(MODEL).items()]
        with mock.patch.object(write, "make_shards", lambda parameters: split):
            self.check(MODEL)
        self.assertEqual(len(list(self.target.glob("model-*-of-*.safetensors"))), len(split))


class Types(Converting):
    def test_the_values_are_the_source_s_rounded(self):
        before = parameters(MODEL)
        for name, dtype in (("bfloat16", mx.bfloat16), ("float16", mx.float16)):
            with self.subTest(name):
                self.target = self.folder("out") / "model"
                report = self.convert(MODEL, dtype=name)
                for weight_name, weight in weights(self.target).items():
                    self.assertTrue(mx.array_equal(weight, before[weight_name].astype(dtype)).item(), weight_name)
                self.assertEqual((report["dtype"], report["verification"]["weights"]), (name, "rounded"))
                self.assertEqual(json.loads((self.target / "config.json").read_text())["dtype"], name)

    def test_values_that_the_type_can_t_hold_are_refused_by_name(self):
        large = weights(MODEL)
        large["model.layers.1.mlp.up_proj.weight"] *= 1e8
        source = self.saved(large, json.loads((MODEL / "config.json").read_text()))
        self.assertRefused(ConversionFailed, "model.layers.1.mlp.up_proj.weight", "convert", source, dtype="float16")
        self.assertNothingWritten()


class Quantized(Converting):
    def test_weights_are_mlx_s_own_quantization_in_every_mode(self):
        before, off = parameters(MODEL), []
        modes = [("affine", bits, size) for bits, size in ((2, 32), (3, 64), (4, 64), (5, 64), (6, 64), (8, 64))]
        for mode, bits, size in [*modes, ("mxfp4", 4, 32), ("mxfp8", 8, 32), ("nvfp4", 4, 16)]:
            with self.subTest(mode=mode, bits=bits):
                self.target = self.folder("out") / "model"
                report = self.convert(MODEL, bits=bits, groupSize=size, mode=mode)
                self.assertEqual(report["quantization"], {"bits": bits, "groupSize": size, "mode": mode})
                stored = weights(self.target)
                name = "model.layers.2.mlp.down_proj"
                packed, scales, *_ = mx.quantize(before[f"{name}.weight"], size, bits, mode=mode)
                self.assertTrue(mx.array_equal(stored[f"{name}.weight"], packed).item())
                self.assertTrue(mx.array_equal(stored[f"{name}.scales"], scales).item())
                self.assertTrue(generate(load(loading.load, self.target), STORY, maxTokens=5).text)
                self.assertClose(self.plain(self.target), self.ours(self.target), 1e-6)
                self.assertEqual(report["verification"]["mlxLmDifference"], 0)
                if mode == "affine":
                    off.append(report["verification"]["meanDivergence"])
        self.assertEqual(off, sorted(off, reverse=True))  # more bits, less loss

    def test_a_recipe_has_more_bits_in_some_layers(self):
        self.convert(MODEL, recipe="mixed_3_6", groupSize=32)
        config = json.loads((self.target / "config.json").read_text())["quantization"]
        self.assertEqual({each["bits"] for each in config.values() if isinstance(each, dict)}, {3, 6})

    def test_layers_that_stay_are_named_with_the_reason(self):
        report = self.convert(self.model(), bits=4, groupSize=64)
        self.assertEqual(
            {each["name"] for each in report["unquantized"]}, {f"model.layers.{i}.mlp.down_proj" for i in (0, 1)}
        )
        self.assertIn("96 values", report["unquantized"][0]["reason"])
        self.assertClose(self.plain(self.target), self.ours(self.target), 1e-6)

    def test_nothing_to_quantize_is_refused(self):
        self.assertRefused(InvalidRequest, "groups of 128.*64", "convert", self.model(), bits=4, groupSize=128)
        self.assertNothingWritten()

    def test_back_again_are_the_values_that_the_bits_stand_for(self):
        for mode, bits, size in (("affine", 4, 64), ("mxfp4", 4, 32)):
            with self.subTest(mode):
                self.target = self.folder("out") / "quantized"
                self.convert(MODEL, mode=mode)
                quantized, self.target = self.target, self.target.parent / "back"
                stored = weights(quantized)
                report = self.convert(quantized, dequantize=True)
                name = "model.layers.3.self_attn.q_proj"
                meant = mx.dequantize(
                    stored[f"{name}.weight"], stored[f"{name}.scales"], stored.get(f"{name}.biases"), size, bits, mode
                )
                self.assertTrue(mx.array_equal(weights(self.target)[f"{name}.weight"], meant).item())
                self.assertIsNone(report["quantization"])
                self.assertNotIn("quantization", json.loads((self.target / "config.json").read_text()))
                self.assertClose(self.ours(self.target), self.ours(quantized), 1e-3)

    def test_a_quantized_model_as_it_is_and_no_further(self):
        self.convert(MODEL, bits=4)
        quantized, self.target = self.target, self.target.parent / "again"
        self.assertRefused(InvalidRequest, "already quantized", "convert", quantized, bits=2)
        self.assertRefused(InvalidRequest, "dtype", "convert", quantized, dtype="float16")
        report = self.convert(quantized)
        self.assertEqual((report["verification"]["weights"], report["quantization"]["bits"]), ("same", 4))
        self.target = quantized.parent / "plain"
        self.assertRefused(InvalidRequest, "not quantized", "convert", MODEL, dequantize=True)
        adapter = str(self.adapter_of_peft())
        self.assertRefused(InvalidRequest, "not quantized", "fuse", MODEL, adapter=adapter, dequantize=True)


class Fused(Converting):
    def text(self, folder, **options):
        return generate(load(loading.load, folder, **options), STORY, maxTokens=60).tokens

    def test_an_adapter_of_peft_and_the_same_of_mlx_lm(self):
        peft = self.adapter_of_peft()
        of_mlx_lm = self.folder("other") / "adapter"
        mlx_models.adapter(of_mlx_lm, peft)
        before = parameters(MODEL)
        given = mx.load(str(peft / "adapter_model.safetensors"))
        for adapter in (peft, of_mlx_lm):
            with self.subTest(adapter.parent.name):
                self.target = self.folder("out") / "model"
                report = self.fuse(MODEL, adapter=str(adapter))
                name = "model.layers.1.self_attn.k_proj"
                a, b = (given[f"base_model.model.{name}.lora_{part}.weight"] for part in "AB")
                merged = before[f"{name}.weight"] + 3 * (b @ a)  # lora_alpha / r
                self.assertTrue(
                    mx.allclose(weights(self.target)[f"{name}.weight"], merged, atol=tolerance(1e-5)).item()
                )
                self.assertEqual(self.text(self.target), self.text(MODEL, adapter=str(adapter)))
                self.assertNotEqual(self.text(self.target), self.text(MODEL))
                self.assertClose(self.plain(self.target), self.ours(MODEL, adapter=str(adapter)), 5e-4)
                self.assertEqual(report["adapter"], str(adapter))

    def test_an_adapter_that_names_its_base(self):
        adapter = self.adapter_of_peft()
        self.assertRefused(InvalidRequest, "Use fuse|leave out", "convert", adapter)
        self.fuse(adapter)
        self.assertEqual(self.text(self.target), self.text(adapter))

    def test_an_expert_of_a_dylora_moe(self):
        folder = self.folder("moe")
        config = {"model_type": "dylora-moe", "_dylora_format": "peft_separated", "num_experts": 2}
        config |= {"base_model_name_or_path": str(MODEL), "checkpoint_type": "peft_only"}
        (folder / "config.json").write_text(json.dumps(config))
        for i in range(2):
            shutil.copytree(self.adapter_of_peft(), folder / "peft_adapters" / f"expert_{i}")
        report = self.fuse(folder, expert="expert_1")
        self.assertEqual(report["expert"], "expert_1")
        self.assertEqual(self.text(self.target), self.text(folder, expert="expert_1"))
        written = json.loads((self.target / "config.json").read_text())
        self.assertEqual(written["model_type"], "llama")
        self.assertEqual([name for name in written if "dylora" in name or name in config.keys() - {"model_type"}], [])

    def test_a_quantized_base_is_quantized_again_or_not(self):
        self.convert(MODEL, bits=8)
        base, adapter = self.target, self.adapter_of_peft()
        self.target = base.parent / "fused"
        report = self.fuse(base, adapter=str(adapter))
        self.assertEqual(report["quantization"], {"bits": 8, "groupSize": 64, "mode": "affine"})
        self.assertEqual(weights(self.target).keys(), weights(base).keys())
        self.assertLess(report["verification"]["meanDivergence"], 0.05)
        self.target = base.parent / "plain"
        report = self.fuse(base, adapter=str(adapter), dequantize=True)
        self.assertIsNone(report["quantization"])
        self.assertEqual(self.text(self.target), self.text(base, adapter=str(adapter)))

    def test_an_adapted_embedding_that_is_the_head_too_is_refused(self):
        name = "model.embed_tokens"
        tensors = {f"{name}.lora_embedding_A": mx.ones((4, 1024)), f"{name}.lora_embedding_B": mx.ones((192, 4))}
        adapter = self.adapter(tensors, target_modules=["embed_tokens"])
        self.assertRefused(ConversionFailed, "output head", "fuse", MODEL, adapter=str(adapter))
        self.assertNothingWritten()

    def test_without_an_adapter_there_is_nothing_to_fuse(self):
        self.assertRefused(InvalidRequest, "no adapter", "fuse", MODEL)


class Refused(Converting):
    def test_a_target_that_is_there_or_can_t_be(self):
        self.target.mkdir()
        (self.target / "mine").write_text("kept")
        self.assertRefused(InvalidRequest, "already exists", "convert", MODEL)
        self.assertEqual(os.listdir(self.target), ["mine"])
        self.target = self.target.parent / "no" / "where"
        self.assertRefused(InvalidRequest, "no folder", "convert", MODEL)
        source = self.model()
        (source.parent / "link").symlink_to(source, target_is_directory=True)
        self.target = source.parent / "link" / "converted"
        self.assertRefused(InvalidRequest, "in the model folder", "convert", source)
        self.target = source / "converted"
        before = sorted(os.listdir(source))
        self.assertRefused(InvalidRequest, "in the model folder", "convert", source)
        self.assertEqual(sorted(os.listdir(source)), before)

    def test_a_damaged_source(self):
        source = Path(shutil.copytree(MODEL, self.folder("source") / "model"))
        whole = (source / "model.safetensors").read_bytes()
        (source / "model.safetensors").write_bytes(whole[:-1000])
        self.assertRefused(ModelLoadFailed, "damaged", "convert", source)
        self.assertNothingWritten()

    def test_a_cancel_in_any_phase_leaves_nothing(self):
        phases = set()
        convert.convert(self.recording(phases), lambda: None)
        self.assertLessEqual({"load", "verify", "convert", "write", "read"}, phases)
        shutil.rmtree(self.target)
        for phase in phases:
            with self.subTest(phase):
                call = job("convert", MODEL, self.target, bits=4)
                call.progress = lambda at, *_, call=call, phase=phase: setattr(call, "cancelled", at == phase)
                with self.assertRaises(Cancelled):
                    convert.convert(call, lambda: None)
                self.assertNothingWritten()

    def recording(self, phases):
        call = job("convert", MODEL, self.target, bits=4)
        call.progress = lambda phase, *_: phases.add(phase)
        return call

    def test_a_second_conversion_of_the_same_target_waits_for_nobody(self):
        part = self.target.parent / ".model.mlx4j-part"
        part.mkdir()
        (part / "left").write_text("by a killed process")
        lock = os.open(part, os.O_RDONLY)
        self.addCleanup(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.assertRefused(InvalidRequest, "Another conversion", "convert", MODEL)
        self.assertEqual(os.listdir(part), ["left"])
        fcntl.flock(lock, fcntl.LOCK_UN)
        self.convert(MODEL)
        self.assertEqual(os.listdir(self.target.parent), ["model"])
        self.assertNotIn("left", os.listdir(self.target))

    def test_killed_in_the_middle_there_is_no_target_and_the_next_one_clears_up(self):
        died = self.elsewhere("write.check_weights = lambda *_: os.kill(os.getpid(), signal.SIGKILL)")
        self.assertEqual(died.returncode, -signal.SIGKILL, died.stderr)
        self.assertEqual(os.listdir(self.target.parent), [".model.mlx4j-part"])
        self.convert(MODEL)
        self.assertEqual(os.listdir(self.target.parent), ["model"])

    def test_a_full_disk(self):
        with mock.patch.object(shutil, "disk_usage", return_value=mock.Mock(free=1000)):
            self.assertRefused(ConversionFailed, "room for", "convert", MODEL)
        self.assertNothingWritten()
        before = {path.name: path.read_bytes() for path in MODEL.iterdir()}
        most = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({1 << 20}, {resource.RLIM_INFINITY}))"
        failed = self.elsewhere(most)
        self.assertIn("ConversionFailed", failed.stderr)
        self.assertIn("could not be written", failed.stderr)
        self.assertNothingWritten()
        self.assertEqual({path.name: path.read_bytes() for path in MODEL.iterdir()}, before)

    def elsewhere(self, before):
        """A conversion in a process of its own, after a line of Python."""
        code = (
            "import os, resource, signal\nfrom mlx4j_worker.mlx.convert import convert, write\n"
            "from engine_tests.test_mlx_converting import MODEL, job\n"
            f"{before}\nconvert.convert(job('convert', MODEL, {str(self.target)!r}), lambda: None)"
        )
        command = [sys.executable, "-c", code]
        return subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)

    def test_what_was_not_written_as_meant_is_found(self):
        def spoilt(path, arrays, metadata):
            saved(path, {name: array * (2 if "q_proj" in name else 1) for name, array in arrays.items()}, metadata)

        saved = mx.save_safetensors
        with mock.patch.object(mx, "save_safetensors", spoilt):
            self.assertRefused(ConversionFailed, "q_proj.weight differs from what was written", "convert", MODEL)
        self.assertNothingWritten()

    def test_a_model_that_is_not_like_its_source_is_found(self):
        adapter = str(self.adapter_of_peft())

        def forget(model, config, requantize):
            for _, module in model.named_modules():
                if "lora_b" in module:
                    module.lora_b = module.lora_b * 0
            merge(model, config, requantize)

        merge = transform.fuse
        with mock.patch.object(transform, "fuse", forget):
            self.assertRefused(ConversionFailed, "differs from its source", "fuse", MODEL, adapter=adapter)
        self.assertNothingWritten()


class Figures(unittest.TestCase):
    def test_of_known_distributions(self):
        one = verify.SampleOutputs([numpy.log(numpy.array([[0.5, 0.5], [0.9, 0.1]]))], [[1, 2, 3, 4]])
        other = verify.SampleOutputs([numpy.log(numpy.array([[0.25, 0.75], [0.9, 0.1]]))], [[1, 2, 4, 4]])
        found = verify.compare(one, other)
        self.assertAlmostEqual(found["meanDivergence"], (0.5 * numpy.log(2) + 0.5 * numpy.log(2 / 3)) / 2)
        self.assertAlmostEqual(found["maxDifference"], numpy.log(2))
        self.assertEqual((found["greedyAgreed"], found["greedyTokens"], found["positions"]), (2, 4, 2))
        self.assertEqual(found["argmaxAgreed"], 1)

    def test_numbers_that_are_none_fail_whatever_the_kind(self):
        one = verify.SampleOutputs([numpy.zeros((1, 3))], [[1]])
        for bad in (numpy.nan, numpy.inf):
            found = verify.compare(one, verify.SampleOutputs([numpy.array([[0, bad, 0]])], [[1]]))
            for kind in ("same", "rounded", "quantized"):
                with self.assertRaisesRegex(ConversionFailed, "finite"):
                    verify.check(found, 3, kind)


if __name__ == "__main__":
    unittest.main()
