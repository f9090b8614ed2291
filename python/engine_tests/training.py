"""Tests of training that hold for every engine; test_mlx_training.py and test_hf_training.py run them."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from safetensors import safe_open

from engine_tests import companions
from engine_tests.harness import MODEL, Call, generate, load
from engine_tests.prefixed import renamed
from engine_tests.tolerance import tolerance
from mlx4j_worker.errors import Cancelled, EngineFailed, InvalidRequest, ModelLoadFailed, ModelNotFound
from mlx4j_worker.models.safetensors import read_floats, read_header
from mlx4j_worker.training.load import open_session
from mlx4j_worker.training.session import Session

DATA = MODEL.parents[1] / "training"
TRAIN, VALID = str(DATA / "train.jsonl"), str(DATA / "valid.jsonl")
TORCH = os.environ.get("MLX4J_HF_PYTHON") or Path.home() / ".mlx4j/envs/hf/bin/python"  # a Python that has torch
QUESTION = "When does the harbour library open?"
BATCH = {"tokens": [[5, 77, 400, 12, 900, 33, 8, 21], [7, 300, 301, 302, 303]], "from": [1, 2]}


class Training:
    """A session, worked as dispatch does; fields are those of ``training`` on the wire."""

    def __init__(self, load_backend, model=MODEL, **fields):
        params = {"model": {"source": str(model)}, "training": {"method": "lora", "learningRate": 2e-3, **fields}}
        self.session: Session = open_session(params, load_backend, lambda *_: None)

    def call(self, method, poll=lambda call: None, **params):
        call = Call()
        call.method, call.params = method, params
        self.session.submit(call)
        while self.session.busy:
            self.session.step(lambda: poll(call))
        if call.error:
            raise call.error
        return call.result

    def losses(self, steps, **params):
        return [self.call("trainStep", **params)["loss"] for _ in range(steps)]


class Process:
    """A worker of its own, over the wire."""

    def __init__(self, script):
        command = [sys.executable, "-I", "-X", "utf8", "-u", str(Path(__file__).resolve().parents[1] / script), "nonce"]
        environment = {**os.environ, "MLX4J_ALLOW_ANY_PLATFORM": "true"}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )

    def send(self, method, **fields):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", "method": method, **fields}).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self, call_id):
        for line in self.process.stdout:
            answer = json.loads(line)
            if answer.get("id") == call_id and "method" not in answer:
                return answer
        raise AssertionError("the worker ended")

    def call(self, method, **params):
        self.send(method, id=method, params=params)
        return self.answer(method)["result"]

    def open(self, **fields):
        training = {"method": "lora", "learningRate": 2e-3, "trainData": TRAIN, **fields}
        return self.call("openTraining", protocol={"major": 1}, model={"source": str(MODEL)}, training=training)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class TrainingCases:
    """A test class adds ``load_backend``, ``load_engine``, ``script`` and ``small(kind)``, a folder with a model.

    ``active_bytes`` is the memory in use that ``memory`` of a training counts but that is not the training's.

    ``writes`` are the (owner, name) pairs of the engine's own functions that write files.
    """

    writes = ()

    def folder(self):
        made = Path(tempfile.mkdtemp()).resolve()
        self.addCleanup(shutil.rmtree, made)
        return made

    def training(self, model=MODEL, **fields):
        return Training(self.load_backend, model, **fields)

    def process(self, **fields):
        worker = Process(self.script)
        self.addCleanup(worker.kill)
        worker.open(**fields)
        return worker

    def data(self, content):
        file = self.folder() / "data.jsonl"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(file)

    def refused(self, kind, pattern, function, *args, **params):
        with self.assertRaisesRegex(kind, pattern) as caught:
            function(*args, **params)
        self.assertTrue(caught.exception.hint)

    def assertLosses(self, one, other, most):
        """The same but for so much of them."""
        self.assertEqual(len(one), len(other))
        self.assertLess(max(abs(a - b) / b for a, b in zip(one, other, strict=True)), tolerance(most))

    def test_each_method_lowers_the_loss_of_each_architecture(self):
        for kind in ("llama", "mistral", "gpt2"):
            model = self.small(kind)
            for method in ("lora", "dora", "full"):
                with self.subTest(kind=kind, method=method):
                    training = self.training(model, method=method, learningRate=1e-2)
                    losses = training.losses(6, batch=BATCH)
                    self.assertLess(losses[-1], losses[0] - 0.3)

    def test_what_is_trained_is_described(self):
        told = self.training(layers=1, targets=["q_proj"], trainData=TRAIN, epochs=2, batchSize=5).session.describe()
        self.assertEqual(told["trainedModules"], ["model.layers.3.self_attn.q_proj"])
        self.assertEqual((told["trainableParameters"], told["parameters"]), (8 * (192 + 192), 1820352))
        self.assertEqual((told["stepsPerEpoch"], told["totalSteps"]), (9.6, 20))
        self.assertEqual(told["train"]["sequences"], 48)

    def test_full_trains_every_parameter(self):
        told = self.training(method="full").session.describe()
        self.assertEqual(told["trainableParameters"], told["parameters"])

    def test_micro_batches_are_as_one_batch(self):
        fields = {"method": "full", "optimizer": "sgd", "learningRate": 1e-2, "trainData": TRAIN}
        together = self.training(**fields, batchSize=4).losses(3)
        apart = self.training(**fields, batchSize=1, accumulation=4)
        self.assertLosses(apart.losses(2), together[:2], 1e-6)
        for _ in range(4):
            apart.call("accumulate")
        self.assertLosses([apart.call("applyGradients")["loss"]], together[2:], 1e-6)
        self.refused(InvalidRequest, "no accumulated gradients", apart.call, "applyGradients")

    def test_a_killed_training_goes_on_from_its_checkpoint_bit_for_bit(self):
        folder = str(self.folder() / "step-2")
        fields = {"dropout": 0.2, "schedule": "cosine", "totalSteps": 4, "batchSize": 2}
        undisturbed = self.process(**fields)
        whole = [undisturbed.call("trainStep")["loss"] for _ in range(4)]
        first = self.process(**fields)
        begun = [first.call("trainStep")["loss"] for _ in range(2)]
        self.assertEqual(first.call("saveCheckpoint", folder=folder)["step"], 2)
        first.call("trainStep")
        first.kill()
        second = self.process(**fields)
        self.assertEqual(second.call("loadCheckpoint", folder=folder), {"step": 2, "epoch": 4 / 48})
        self.assertEqual(begun + [second.call("trainStep")["loss"] for _ in range(2)], whole)

    def test_every_optimizer_goes_on_from_its_checkpoint(self):
        for optimizer in ("adam", "sgd", "adafactor"):
            with self.subTest(optimizer=optimizer):
                fields = {"optimizer": optimizer, "weightDecay": 0.1, "targets": ["q_proj"], "layers": 1}
                folder = str(self.folder() / "checkpoint")
                one, other = self.training(**fields), self.training(**fields)
                one.losses(1, batch=BATCH)
                one.call("saveCheckpoint", folder=folder)
                other.call("loadCheckpoint", folder=folder)
                self.assertEqual(one.losses(2, batch=BATCH), other.losses(2, batch=BATCH))

    def test_a_wrapper_s_prefix_is_taken_off(self):
        for kind in ("llama", "gpt2"):
            plain = self.small(kind)
            wrapped = renamed(shutil.copytree(plain, self.folder() / "model"), lambda name: f"module._orig_mod.{name}")
            adapted, full = ([self.training(one, method=m) for one in (plain, wrapped)] for m in ("lora", "full"))
            self.assertEqual(*(one.session.describe()["trainedModules"] for one in adapted))
            self.assertEqual(*(one.losses(1, batch=BATCH) for one in full))
            self.assertEqual(*(self.tensors_of(one).keys() for one in full))

    def full(self, dtype="bfloat16", **fields):
        """A full training of a small model whose weights have 16 bits."""
        return self.training(self.small("llama"), **{"method": "full", "dtype": dtype, "weightDecay": 0, **fields})

    def checkpoint(self, training):
        folder = self.folder() / "checkpoint"
        training.call("saveCheckpoint", folder=str(folder))
        return folder

    def share_moved(self, before, training):
        """The share of a model's numbers that differ from those in a folder once it is saved."""
        folder = self.folder() / "model"
        training.call("saveModel", folder=str(folder))
        first, now = (read_floats(one / "model.safetensors") for one in (before, folder))
        return sum((first[name] != now[name]).sum() for name in first) / sum(tensor.size for tensor in first.values())

    def test_updates_below_the_resolution_of_16_bits_add_up(self):
        for dtype in ("bfloat16", "float16"):
            with self.subTest(dtype=dtype):
                training, begun = self.full(dtype, learningRate=1e-5), self.folder() / "begun"
                training.call("saveModel", folder=str(begun))
                expected = self.training(begun, method="full", dtype="float32", weightDecay=0, learningRate=1e-5)
                losses = training.losses(1, batch=BATCH)
                if dtype == "bfloat16":
                    self.assertLess(self.share_moved(begun, training), 0.1)  # nearly every update is lost in rounding
                losses += training.losses(59, batch=BATCH)
                self.assertGreater(self.share_moved(begun, training), 0.5)
                fallen, wanted = losses[0] - losses[-1], expected.losses(60, batch=BATCH)
                self.assertAlmostEqual(fallen, wanted[0] - wanted[-1], delta=0.2 * fallen)

    def test_the_saved_model_has_the_type_of_its_folder(self):
        source, saved = self.folder() / "source", self.folder() / "saved"
        self.full().call("saveModel", folder=str(source))
        training = self.training(source, method="full")
        training.losses(1, batch=BATCH)
        training.call("saveModel", folder=str(saved))
        self.assertEqual({tensor.dtype for tensor in read_header(saved / "model.safetensors").values()}, {"BF16"})
        expected = training.call("validate", batch=BATCH)["loss"]
        again = self.training(saved, method="none", learningRate=None)
        self.assertAlmostEqual(again.call("validate", batch=BATCH)["loss"], expected, delta=tolerance(1e-5))

    def test_a_checkpoint_keeps_the_master_weights(self):
        one, other = (self.full(learningRate=1e-5) for _ in range(2))
        one.losses(3, batch=BATCH)
        folder = self.checkpoint(one)
        for file in ("weights", "optimizer"):
            types = {t.dtype for t in read_header(folder / f"{file}.safetensors").values() if t.shape}
            self.assertEqual(types, {"F32"})
        other.call("loadCheckpoint", folder=str(folder))
        self.assertEqual(one.losses(3, batch=BATCH), other.losses(3, batch=BATCH))
        ends = [self.checkpoint(training) for training in (one, other)]
        for file in ("weights.safetensors", "optimizer.safetensors"):
            first, second = (self.tensors(end / file) for end in ends)
            self.assertEqual({name: one.tobytes() for name, one in first.items()},
                             {name: one.tobytes() for name, one in second.items()})  # fmt: skip

    def test_a_checkpoint_without_master_weights_is_refused(self):
        training = self.full()
        folder = self.checkpoint(training)
        state = json.loads((folder / "trainer.json").read_text())
        self.assertEqual(state["training"].pop("masterWeights"), "float32")
        (folder / "trainer.json").write_text(json.dumps(state))
        self.refused(InvalidRequest, "masterWeights is None", training.call, "loadCheckpoint", folder=str(folder))

    def test_adapters_of_16_bit_models_are_float32(self):
        for method in ("lora", "dora"):
            folder = self.checkpoint(self.training(self.small("llama"), method=method, dtype="bfloat16"))
            state = json.loads((folder / "trainer.json").read_text())
            self.assertEqual(state["training"]["dtype"], "bfloat16")
            self.assertNotIn("masterWeights", state["training"])
            types = {tensor.dtype for tensor in read_header(folder / "weights.safetensors").values()}
            self.assertEqual(types, {"F32"})

    def test_gradients_of_16_bits_are_summed_in_32(self):
        ends = []
        for count in (1, 32):
            training = self.full(optimizer="sgd", learningRate=1.0)
            for _ in range(count):
                training.call("accumulate", batch=BATCH)
            training.call("applyGradients")
            ends.append(read_floats(self.checkpoint(training) / "weights.safetensors"))
        for name, once in ends[0].items():
            self.assertLess(abs(once - ends[1][name]).max(), 1e-5, name)

    def test_what_full_training_takes_for_each_parameter(self):
        """Weights, master weights, gradients and Adam's two moments: 16 bytes in float32, 18 in 16 bits."""
        model = self.small("llama")
        for dtype, wanted in {"float32": 16, "bfloat16": 18}.items():
            with self.subTest(dtype=dtype):
                before = self.active_bytes()
                training = self.training(model, method="full", dtype=dtype)
                training.losses(1, batch=BATCH)
                training.call("accumulate", batch=BATCH)
                used = training.session.memory()["activeBytes"] - before
                self.assertAlmostEqual(used / training.session.describe()["parameters"], wanted, delta=0.3)
                del training

    def test_adamw_is_that_of_torch_in_32_bits(self):
        if not Path(TORCH).is_file():
            self.skipTest(f"there is no Python with torch at {TORCH}")
        rate, decay = 1e-3, 0.1
        training = self.full(learningRate=rate, weightDecay=decay)
        begun, result, gradients = self.checkpoint(training), self.folder() / "result", []
        for step in range(5):
            gradients.append(str(self.folder() / f"gradients-{step}"))
            training.call("gradients", batch=BATCH, file=gradients[-1])
            training.call("trainStep", batch=BATCH)
        script, weights = Path(__file__).with_name("torch_adamw.py"), begun / "weights.safetensors"
        command = [TORCH, "-I", script, weights, *gradients, result, rate, decay]
        subprocess.run([*map(str, command)], check=True)
        wanted, own = read_floats(result), read_floats(self.checkpoint(training) / "weights.safetensors")
        first = read_floats(weights)
        self.assertEqual(own.keys(), wanted.keys())
        for name, tensor in wanted.items():
            self.assertLess(abs(own[name] - tensor).max(), tolerance(1e-6), name)
            self.assertGreater(abs(tensor - first[name]).max(), 1e-3, name)

    def test_gradient_checkpointing_changes_no_loss(self):
        for method in ("lora", "full"):
            fields = {"method": method, "trainData": TRAIN, "batchSize": 2}
            fields |= {"dropout": 0.3} if method == "lora" else {}
            plain, kept = (self.training(**fields, gradientCheckpointing=on).losses(3) for on in (False, True))
            self.assertLosses(plain, kept, 1e-5)

    def test_a_cancelled_step_leaves_no_trace(self):
        fields = {"trainData": TRAIN, "batchSize": 2, "accumulation": 2, "dropout": 0.1}
        expected = self.training(**fields).losses(2)
        training, polls = self.training(**fields), []

        def poll(call):
            polls.append(1)
            call.cancelled = len(polls) == 3

        with self.assertRaises(Cancelled):
            training.call("trainStep", poll)
        self.assertEqual(len(polls), 3)
        self.assertEqual(training.losses(2), expected)

    def test_a_long_step_shows_its_state_and_can_be_cancelled(self):
        worker = self.process(batchSize=1, accumulation=1_000_000)
        worker.send("trainStep", id="long")
        while worker.call("ping")["engine"]["state"] != "training":
            pass
        worker.send("cancel", params={"id": "long"})
        self.assertEqual(worker.answer("long")["error"]["data"]["kind"], "cancelled")
        refused = {"id": "served", "params": {"texts": ["a"]}}
        worker.send("embed", **refused)
        self.assertEqual(worker.answer("served")["error"]["data"]["kind"], "invalid_request")

    def test_a_step_that_is_not_finite_is_not_applied(self):
        training = self.training(method="full", optimizer="sgd", learningRate=1e9)
        training.call("trainStep", batch=BATCH)
        self.refused(EngineFailed, "of step 2 is", training.call, "trainStep", batch=BATCH)
        self.refused(EngineFailed, "of step 2 is", training.call, "trainStep", batch=BATCH)

    def test_gradients_are_clipped_by_their_norm_together(self):
        fields = {"method": "full", "optimizer": "sgd", "learningRate": 1.0, "maxGradientNorm": 0.5}
        training = self.training(self.small("llama"), **fields)
        before = self.tensors_of(training)
        norm = training.call("trainStep", batch=BATCH)["gradientNorm"]
        after = self.tensors_of(training)
        moved = sum(((after[name] - before[name]) ** 2).sum() for name in before) ** 0.5
        self.assertGreater(norm, 0.6)
        self.assertAlmostEqual(float(moved), 0.5, delta=tolerance(1e-3))

    def tensors_of(self, training):
        folder = self.folder() / "model"
        training.call("saveModel", folder=str(folder))
        return self.tensors(folder / "model.safetensors")

    @staticmethod
    def tensors(file):
        with safe_open(file, framework="numpy") as content:
            return {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118

    def test_gradients_are_those_of_the_step_by_transformers_names(self):
        for kind in ("llama", "gpt2"):
            training = self.training(self.small(kind), method="full", optimizer="sgd", learningRate=0.5)
            file, before = str(self.folder() / "gradients"), self.tensors_of(training)
            training.call("gradients", batch=BATCH, file=file)
            training.call("trainStep", batch=BATCH)
            after, gradients = self.tensors_of(training), self.tensors(file)
            self.assertEqual(gradients.keys(), before.keys())
            for name, gradient in gradients.items():
                self.assertLess(abs(before[name] - 0.5 * gradient - after[name]).max(), tolerance(1e-5), name)
            self.assertIn("transformer.h.1.attn.c_attn.weight" if kind == "gpt2" else "lm_head.weight", gradients)

    def test_an_adapter_is_loaded_as_it_was_trained(self):
        for method in ("lora", "dora"):
            with self.subTest(method=method):
                fields = {"method": method, "layers": 3, "validData": VALID}
                training, folder = self.training(**fields, trainData=TRAIN), str(self.folder() / "adapter")
                training.losses(6)
                expected = training.call("validate")["loss"]
                training.call("saveAdapter", folder=folder)
                evaluated = self.training(method="none", learningRate=None, adapter=folder, validData=VALID)
                self.assertAlmostEqual(evaluated.call("validate")["loss"], expected, delta=tolerance(1e-5))
                goes_on = self.training(**fields, adapter=folder)
                self.assertAlmostEqual(goes_on.call("validate")["loss"], expected, delta=tolerance(1e-5))
                texts = [generate(load(self.load_engine, **one), QUESTION).text for one in ({}, {"adapter": folder})]
                self.assertNotEqual(*texts)
        self.refused(InvalidRequest, "different modules", self.training, method="dora", adapter=folder)
        self.refused(InvalidRequest, "rank|has r 8", self.training, method="dora", layers=3, rank=4, adapter=folder)

    def test_a_whole_model_is_loaded_as_it_was_trained(self):
        for kind in ("llama", "gpt2"):
            training, folder = self.training(self.small(kind), method="full"), self.folder() / "model"
            training.losses(2, batch=BATCH)
            training.call("saveModel", folder=str(folder))
            again = self.training(folder, method="none", learningRate=None)
            expected = training.call("validate", batch=BATCH)["loss"]
            self.assertAlmostEqual(again.call("validate", batch=BATCH)["loss"], expected, delta=tolerance(1e-5))
        self.refused(InvalidRequest, "already exists", training.call, "saveModel", folder=str(folder))

    def test_companion_files_of_macos_are_in_no_one_s_way(self):
        for method, save in (("lora", "saveAdapter"), ("full", "saveModel")):
            with self.subTest(method=method):
                source, folder = Path(shutil.copytree(self.small("llama"), self.folder() / "model")), self.folder()
                (source / "additional_chat_templates").mkdir()
                (source / "additional_chat_templates" / "rag.jinja").write_text("{{ messages }}")
                companions.scatter(source)
                with companions.scattered(folder, *self.writes):
                    training = self.training(source, method=method)
                    training.losses(2, batch=BATCH)
                    training.call("saveCheckpoint", folder=str(folder / "checkpoint"))
                    expected = training.losses(2, batch=BATCH)
                    saved = training.call(save, folder=str(folder / "saved"))
                    resumed = self.training(source, method=method)
                    resumed.call("loadCheckpoint", folder=str(folder / "checkpoint"))
                    self.assertLosses(resumed.losses(2, batch=BATCH), expected, 1e-6)
                files = companions.kept(folder)
                self.assertIn("checkpoint/trainer.json", files)
                self.assertEqual([name for name in files if "unfinished" in name], [])
                self.assertEqual(saved["bytes"], sum((folder / n).stat().st_size for n in files if n[:5] == "saved"))
                model = source if method == "lora" else folder / "saved"
                adapter = {"adapter": str(folder / "saved")} if method == "lora" else {}
                again = self.training(model, method="none", learningRate=None, **adapter)
                trained = training.call("validate", batch=BATCH)["loss"]
                self.assertAlmostEqual(again.call("validate", batch=BATCH)["loss"], trained, delta=tolerance(1e-5))

    def test_validation_is_the_mean_over_the_tokens_in_batches_too(self):
        training = self.training(method="none", learningRate=None, validData=VALID, batchSize=3)
        whole = training.call("validate")
        self.assertEqual((whole["sequences"], whole["tokens"]), (10, 529))
        self.assertAlmostEqual(self.training(validData=VALID, batchSize=10).call("validate")["loss"], whole["loss"], 5)
        self.assertEqual(training.call("validate", batches=2)["sequences"], 6)
        self.refused(InvalidRequest, "method is none", training.call, "trainStep", batch=BATCH)

    def test_a_checkpoint_of_another_training_is_refused_by_the_field(self):
        folder = str(self.folder() / "checkpoint")
        small = {"layers": 1, "targets": ["q_proj"]}
        self.training(**small).call("saveCheckpoint", folder=folder)
        for field, other in {
            "alpha": {**small, "alpha": 4},
            "optimizer": {**small, "optimizer": "sgd"},
            "trainedWeights": {**small, "layers": 2},
            "trainData": {**small, "trainData": TRAIN},
        }.items():
            self.refused(InvalidRequest, f"its {field} ", self.training(**other).call, "loadCheckpoint", folder=folder)
        training = self.training(**small)
        self.refused(ModelNotFound, "no checkpoint", training.call, "loadCheckpoint", folder=folder + "-other")
        Path(folder, "optimizer.safetensors").write_bytes(b"half")
        self.refused(ModelLoadFailed, "is damaged", training.call, "loadCheckpoint", folder=folder)

    def test_a_full_disk_leaves_earlier_checkpoints_whole(self):
        training, folder = self.training(), self.folder()
        training.losses(1, batch=BATCH)
        training.call("saveCheckpoint", folder=str(folder / "one"))
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        try:
            two = {"folder": str(folder / "two")}
            self.refused(EngineFailed, "two", training.call, "saveCheckpoint", **two)
            self.refused(EngineFailed, "two", training.call, "saveAdapter", **two)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)
        self.assertEqual(os.listdir(folder), ["one"])
        self.assertEqual(training.call("loadCheckpoint", folder=str(folder / "one"))["step"], 1)
        training.call("saveCheckpoint", folder=str(folder / "two"))

    def test_a_bad_line_is_named(self):
        good = '{"prompt":"a","completion":"b"}\n'
        for line, why in (
            ("{", "not JSON"),
            ('{"text":"a b c"}', "lines before have prompt"),
            ('{"prompt":"a"}', "completion"),
        ):
            self.refused(InvalidRequest, f"line 3: .*{why}", self.training, trainData=self.data(good * 2 + line))
        self.refused(InvalidRequest, "has 1 sequences, but batchSize is 4", self.training, trainData=self.data(good))

    def test_what_the_model_cannot_take_is_refused(self):
        self.refused(InvalidRequest, "not the name of a linear module", self.training, targets=["nothing"])
        self.refused(InvalidRequest, "4 blocks", self.training, layers=5)
        training = self.training(validData=VALID, targets=["q_proj"])
        bad = {"tokens": [[1, 5000]]}
        self.refused(InvalidRequest, r"batch.tokens\[0\]", training.call, "trainStep", batch=bad)
        self.refused(InvalidRequest, "Set trainData|no data", training.call, "trainStep")
        self.refused(InvalidRequest, "does not know frobnicate", training.call, "trainStep", frobnicate=1)
