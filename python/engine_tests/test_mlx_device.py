"""How requests, trainings and conversions end when the device fails. Runs in the mlx worker's environment."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import mlx.core as mx

from engine_tests.failing_device import FAULT, SHORT
from engine_tests.harness import MODEL, STORY, Call, Lab, known, load
from engine_tests.training import BATCH, TRAIN, Training
from mlx4j_worker import failures, memory
from mlx4j_worker.engine.sampling import Drawn
from mlx4j_worker.errors import ConversionFailed, EngineFailed, InvalidRequest, ModelLoadFailed, OutOfMemory
from mlx4j_worker.failures import DeviceFailed
from mlx4j_worker.mlx import loading, wired
from mlx4j_worker.mlx.convert import convert, transform, verify, write
from mlx4j_worker.mlx.ranks import data_parallel
from mlx4j_worker.mlx.ranks.follower import Follower
from mlx4j_worker.mlx.training import MlxBackend, load_backend
from mlx4j_worker.models.embeddings.texts import EncodedText
from mlx4j_worker.training.load import open_session

LONG = "The lighthouse keeper counted the ships. " * 40
REFUSED = (
    "[metal::malloc] Attempting to allocate 99999999999 bytes which is greater than the maximum allowed buffer size"
)
MONTHS = "List the months"


def raising(text):
    return mock.Mock(side_effect=RuntimeError(text))


class Devices(unittest.TestCase):
    """Each test has an engine with a prefix cache, in which one finished request left something."""

    def setUp(self):
        self.lab = Lab(loading.load)
        self.engine, self.decoder = self.lab.engine, self.lab.engine._decoder
        self.model = self.decoder._model
        self.lab.ask("Who are you?")
        self.assertGreater(len(self.engine._prefixes), 0)

    def fails(self, *calls):
        """Steps until the device's failure comes through; every call before it ended well or not at all."""
        with self.assertRaises(DeviceFailed):
            self.lab.finish(*calls)
        self.assertEqual(len(self.engine._prefixes), 0)
        return calls


class Places(Devices):
    """Wherever an evaluation of MLX raises it, a failure of the device is nobody's own."""

    def requests(self):
        """One that decodes, one in prefill, one to embed and one that waits."""
        started = self.lab.start(STORY)
        self.lab.step(6)
        return started, self.lab.start(prompt=LONG), self.lab.embed(LONG * 2)

    def test_nobody_is_answered_and_the_prefix_cache_is_empty(self):
        places = {
            "a pass, or its prefill": "_model",
            "prefill": "prefill",
            "sampling": "_draw",
            "the tokens": "results",
            "joining the batch": "_join",
        }
        for place, name in places.items():
            with self.subTest(place):
                self.setUp()
                calls = self.requests()
                with mock.patch.object(Drawn if name == "results" else self.decoder, name, raising(FAULT)):
                    self.fails(*calls)
                self.assertFalse(any(call.ended for call in calls))

    def test_a_row_s_own_choice(self):
        call = self.lab.start(STORY, sampling={"temperature": 1, "seed": 1})
        self.lab.step(4)
        with mock.patch("mlx4j_worker.mlx.sampling.choose", raising(FAULT)):
            self.fails(call)
        self.assertFalse(call.ended)

    def test_log_probabilities(self):
        call = self.lab.start(STORY, logProbs=2)
        self.lab.step(4)
        with mock.patch.object(Drawn, "read_log_probs", raising(FAULT)):
            self.fails(call)
        self.assertFalse(call.ended)

    def test_beginning_again_after_an_ordinary_failure(self):
        calls = self.requests()
        with (
            mock.patch.object(self.decoder, "_draw", raising("an ordinary fault")),
            mock.patch.object(self.decoder, "reset", raising(FAULT)),
        ):
            self.fails(*calls)
        self.assertFalse(any(call.ended for call in calls))

    def test_leaving_the_batch(self):
        calls = self.lab.start(STORY), self.lab.start(MONTHS)
        while len(self.decoder.rows) < 2:
            self.lab.step()
        calls[0].cancelled = True
        with mock.patch.object(self.decoder, "_extract", raising(FAULT)):
            self.fails(*calls)
        self.assertFalse(calls[1].ended)

    def test_a_snapshot_for_another_s_prefix(self):
        first = self.lab.start(prompt=LONG)
        self.lab.step(1)
        while not first.tokens:
            self.lab.step()
        second = self.lab.start(prompt=LONG + "And then")
        with mock.patch.object(self.decoder, "snapshot", raising(FAULT)) as snapshot:
            self.fails(first, second)
        snapshot.assert_called()
        self.assertFalse(first.ended or second.ended)

    def test_each_of_the_works(self):
        for work in ("embed", "logits", "score"):
            with self.subTest(work):
                self.setUp()
                call = Call()
                failing = mock.Mock(wraps=self.model, side_effect=RuntimeError(FAULT), layers=self.model.layers)
                parts = {**vars(self.engine._loaded), "model": failing, "hidden_states": failing}
                with mock.patch.object(self.engine, "_loaded", SimpleNamespace(**parts)):
                    if work == "embed":
                        self.engine.embed(call, [EncodedText([5, 6, 7])])
                    elif work == "logits":
                        self.engine.logits(call, [5, 6, 7])
                    else:
                        self.engine.score(call, [5], [6])
                self.fails(call)
                self.assertFalse(call.ended)

    def test_drafting(self):
        lab = Lab(loading.load, draftModel=str(MODEL))
        call = lab.start(STORY)
        lab.step(6)
        with (
            mock.patch.object(lab.engine._decoder, "_tokens", iter(raising(FAULT), None)),
            self.assertRaises(DeviceFailed),
        ):
            lab.step()
        self.assertFalse(call.ended)

    def test_a_rank_ends_too(self):
        follower, call = Follower(), Call()
        call.params = {"work": "apply", "rate": 1, "factor": 1}
        follower._backend = SimpleNamespace(apply=raising(FAULT))
        follower.submit(call)
        with self.assertRaises(DeviceFailed):
            follower.step(None)
        self.assertFalse(call.ended)


class Late(Devices):
    """MLX reports a pass that failed late, once, and to whoever evaluates next; so does its CPU, for a matrix."""

    def setUp(self):
        super().setUp()
        self.enterContext(mock.patch.object(failures, "_DEVICE", failures.re.compile("LU factorization failed")))
        self._calm()

    @staticmethod
    def _calm():
        with suppress(RuntimeError):
            mx.synchronize()

    def poisoned(self, passes):
        """The pass after so many others of one token is never computed: its logits are whatever is there."""
        left = iter(range(passes + 1))

        class Poisoned:
            layers = self.model.layers

            def __call__(_, inputs, cache):
                logits = self.model(inputs, cache=cache)
                if inputs.shape[1] == 1 and next(left, None) == passes:
                    return logits * 0 + mx.linalg.inv(mx.zeros((2, 2))).sum() * 0
                return logits

        return mock.patch.object(self.decoder, "_model", Poisoned())

    def test_no_answer_ends_with_text_that_was_never_computed(self):
        story, months = known(STORY)["tokens"], known(MONTHS)["tokens"]
        for passes in (1, 2, 5, 9):
            for beside in (False, True):
                with self.subTest(passes=passes, beside=beside):
                    Devices.setUp(self)
                    calls = [self.lab.start(STORY, maxTokens=passes + 4), self.lab.start(MONTHS, maxTokens=passes + 1)]
                    calls += [self.lab.start(prompt=LONG)] if beside else []
                    with self.poisoned(passes):
                        self.fails(*calls)
                    self.assertFalse(any(call.error for call in calls))
                    for call, right in zip(calls, (story, months), strict=False):
                        if call.result:
                            self.assertEqual(call.tokens, right[: len(call.tokens)])
                    self._calm()

    def test_an_answer_waits_for_what_its_tokens_came_from(self):
        call = self.lab.start(STORY, maxTokens=3)
        with mock.patch.object(mx, "synchronize", raising("LU factorization failed")):
            self.fails(call)
        self.assertEqual(len(call.tokens), 3)
        self.assertFalse(call.ended)

    def test_so_does_an_embedding(self):
        call = self.lab.embed("a text")
        with mock.patch.object(mx, "synchronize", raising("LU factorization failed")):
            self.fails(call)
        self.assertFalse(call.ended)

    def test_an_ordinary_failure_then_is_that_of_the_rows_that_were_to_be_answered(self):
        first, second = self.lab.start(STORY, maxTokens=3), self.lab.start(MONTHS)
        with mock.patch.object(self.decoder, "settle", raising("a fault on demand")):
            self.lab.finish(first)
        self.assertIsInstance(first.error, EngineFailed)
        self.assertEqual(self.lab.finish(second).tokens, known(MONTHS)["tokens"])


class MemoryShort(Devices):
    """A device without memory fails too, and whoever no other worker can serve learns why."""

    def test_those_with_a_part_of_their_answer_are_told(self):
        started = self.lab.start(STORY)
        self.lab.step(8)
        waiting = self.lab.start(MONTHS)
        with mock.patch.object(self.decoder, "step", raising(SHORT)):
            self.fails(started, waiting)
        self.assertTrue(started.tokens)
        self.assertIsInstance(started.error, OutOfMemory)
        self.assertFalse(waiting.ended)

    def test_the_one_whose_own_prefill_or_work_fails_is_told(self):
        first, other = self.lab.start(MONTHS), self.lab.start(prompt=LONG)  # the shorter prompt comes first
        with mock.patch.object(self.decoder, "prefill", raising(SHORT)):
            self.fails(first, other)
        self.assertIsInstance(first.error, OutOfMemory)
        self.assertFalse(other.ended)

    def test_an_allocation_that_is_refused_is_no_failure_of_the_device(self):
        other = self.lab.start(STORY)
        self.lab.step(6)
        call = self.lab.start(prompt=LONG)
        with mock.patch.object(self.decoder, "prefill", raising(REFUSED)):
            self.lab.finish(call)
        self.assertIsInstance(call.error, OutOfMemory)
        self.assertEqual(self.lab.finish(other).tokens, known(STORY)["tokens"])


class Loading(unittest.TestCase):
    def test_memory_that_is_short_is_not_a_fault_of_the_model(self):
        for error in (MemoryError(), RuntimeError(REFUSED), RuntimeError("[malloc] Unable to allocate 9 bytes.")):
            for place in ("load_model", "load_tokenizer", "load_layout"):
                with self.subTest(place, error=error), mock.patch.object(loading, place, side_effect=error):
                    with self.assertRaises((OutOfMemory, RuntimeError, MemoryError)) as raised:
                        load(loading.load)
                    self.assertIsInstance(failures.typed(raised.exception, ""), OutOfMemory)

    def test_a_device_that_fails(self):
        for place in ("load_model", "load_tokenizer"):
            with mock.patch.object(loading, place, raising(FAULT)), self.assertRaises(DeviceFailed):
                load(loading.load)
        with mock.patch.object(mx, "synchronize", raising(FAULT)), self.assertRaises(RuntimeError) as raised:
            load(loading.load)
        with self.assertRaises(DeviceFailed):
            failures.check(raised.exception)


class Converting(unittest.TestCase):
    def setUp(self):
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        self.target = folder / "converted"

    def convert(self):
        call = Call()
        call.method, call.params = "convert", {"model": {"source": str(MODEL)}, "folder": str(self.target)}
        try:
            convert.convert(call, lambda: None)
        finally:
            self.assertEqual([*self.target.parent.iterdir()], [])

    def places(self, text):
        real = verify.run_samples
        later = mock.Mock(side_effect=[mock.DEFAULT, mock.DEFAULT, RuntimeError(text)], wraps=real)
        yield mock.patch.object(verify, "run_samples", raising(text))
        yield mock.patch.object(verify, "run_samples", later)  # that of mlx-lm alone
        yield mock.patch.object(transform, "evaluate", raising(text))
        yield mock.patch.object(write.mx, "save_safetensors", raising(text))

    def test_a_device_that_fails_leaves_no_folder(self):
        for patch in [*self.places(FAULT), mock.patch.object(mx, "synchronize", raising(FAULT))]:
            with (
                self.subTest(patch.attribute),
                patch,
                self.assertRaises((DeviceFailed, RuntimeError, ConversionFailed)) as raised,
            ):
                self.convert()
            if not isinstance(raised.exception, DeviceFailed):
                with self.assertRaises(DeviceFailed):
                    failures.check(raised.exception)

    def test_memory_that_is_short_is_not_a_fault_of_the_conversion(self):
        for patch in self.places(REFUSED):
            with self.subTest(patch.attribute), patch, self.assertRaises(Exception) as raised:
                self.convert()
            self.assertIsInstance(failures.typed(raised.exception, ""), OutOfMemory)


class TrainingFails(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def test_wherever_it_happens_the_worker_ends_and_checkpoints_stay_whole(self):
        places = {
            "add_gradients": ("trainStep", {}),
            "gradient_norm": ("trainStep", {}),
            "apply": ("trainStep", {}),
            "settle": ("trainStep", {}),
            "loss": ("validate", {"batch": BATCH}),
            "save_state": ("saveCheckpoint", {"folder": str(self.folder / "second")}),
            "save_adapter": ("saveAdapter", {"folder": str(self.folder / "adapter")}),
            "write_gradients": ("gradients", {"batch": BATCH, "file": str(self.folder / "file")}),
        }
        training = Training(load_backend, trainData=TRAIN)
        first = training.losses(1)
        training.call("saveCheckpoint", folder=str(self.folder / "first"))
        following = training.losses(2)
        for place, (method, params) in places.items():
            with self.subTest(place):
                training = Training(load_backend, trainData=TRAIN)
                call = Call()
                call.method, call.params = method, params
                training.session.submit(call)
                with mock.patch.object(MlxBackend, place, raising(FAULT)), self.assertRaises(DeviceFailed):
                    training.session.step(lambda: None)
                self.assertFalse(call.ended)
                self.assertEqual([path.name for path in self.folder.iterdir()], ["first"])
        again = Training(load_backend, trainData=TRAIN)
        again.call("loadCheckpoint", folder=str(self.folder / "first"))
        self.assertEqual(again.losses(2), following)
        self.assertEqual(len(first), 1)

    def test_a_checkpoint_appears_only_once_the_device_has_settled(self):
        training = Training(load_backend, trainData=TRAIN)
        with mock.patch.object(MlxBackend, "settle", raising(FAULT)), self.assertRaises(DeviceFailed):
            training.call("saveCheckpoint", folder=str(self.folder / "first"))
        self.assertEqual([*self.folder.iterdir()], [])

    def test_memory_that_is_short(self):
        for text, ends in ((SHORT, True), (REFUSED, False)):
            training = Training(load_backend, trainData=TRAIN)
            call = Call()
            call.method, call.params = "trainStep", {}
            training.session.submit(call)
            with mock.patch.object(MlxBackend, "add_gradients", raising(text)):
                if ends:
                    with self.assertRaises(DeviceFailed):
                        training.session.step(lambda: None)
                else:
                    training.session.step(lambda: None)
            self.assertIsInstance(call.error, OutOfMemory)


class Wired(unittest.TestCase):
    """On a stand-in for the functions of MLX on a Mac."""

    def setUp(self):
        self.mx = mock.Mock(wraps=mx)
        self.mx.device_info.return_value = {"max_recommended_working_set_size": 10_000_000_000}
        self.enterContext(mock.patch.object(wired, "mx", self.mx))
        self.addCleanup(wired._limits.clear)

    def test_nothing_is_wired_by_default(self):
        load(loading.load)
        Training(load_backend)
        Follower()
        wired.release()
        self.mx.set_wired_limit.assert_not_called()
        self.mx.synchronize.assert_called()

    def test_the_option_wires_the_weights_and_one_full_context_and_the_end_releases_them(self):
        engine = load(loading.load, wiredLimit=True)
        kv_bytes = memory.kv_bytes_per_token(json.loads((MODEL / "config.json").read_text()), engine._loaded.dtype.size)
        [limit] = self.mx.set_wired_limit.call_args.args
        self.assertGreater(limit, kv_bytes * engine._context)
        self.assertLess(limit, kv_bytes * engine._context + mx.get_active_memory() + 1)
        self.mx.reset_mock()
        wired.release()
        self.assertEqual([one[0] for one in self.mx.method_calls], ["clear_cache", "set_wired_limit", "synchronize"])
        self.mx.set_wired_limit.assert_called_once_with(0)

    def test_a_training_wires_what_it_holds_after_it_was_opened(self):
        params = {"model": {"source": str(MODEL)}, "training": {"method": "lora", "learningRate": 1e-3}}
        held = Training(load_backend).session.memory()["activeBytes"]
        open_session(params | {"options": {"wiredLimit": True}}, load_backend, lambda *_: None)
        [limit] = self.mx.set_wired_limit.call_args.args
        self.assertGreater(limit, held // 2)
        self.assertLessEqual(limit, mx.get_active_memory() + held)

    def test_ranks_refuse_it(self):
        both = {"wiredLimit": True, "ranks": 2}
        training = {"method": "lora", "learningRate": 1e-3, "batchSize": 2}
        params = {"model": {"source": str(MODEL)}, "training": training, "options": both}
        with self.assertRaisesRegex(InvalidRequest, "wiredLimit can't be used with ranks"):
            load(loading.load, **both)
        with self.assertRaisesRegex(InvalidRequest, "wiredLimit can't be used with ranks"):
            open_session(params, data_parallel.load_backend, lambda *_: None)

    def test_never_more_than_the_device_recommends(self):
        wired.set_limit(9_000_000_000, 2_000_000_000)
        self.mx.set_wired_limit.assert_called_once_with(10_000_000_000)

    def test_without_a_gpu_it_does_nothing(self):
        self.mx.device_info.return_value = {}
        wired.set_limit(1, 1)
        self.mx.set_wired_limit.assert_not_called()

    def test_one_module_alone_can_wire(self):
        package = Path(wired.__file__).parents[1]
        files = [
            path
            for path in package.rglob("*.py")
            if "wired_limit" in path.read_text().replace("options.wired_limit", "")
        ]
        self.assertEqual({path.name for path in files}, {"wired.py", "options.py"})
        reached = ("stream_generate", "BatchGenerator", "mlx_lm.server", "tuner.trainer", "generate_step,", "quant.dwq")
        for path in package.rglob("*.py"):
            imports = [line for line in path.read_text().splitlines() if line.startswith(("from ", "import "))]
            self.assertFalse([line for line in imports if any(f" {name}" in line for name in reached)], path)


class Ending(unittest.TestCase):
    """The real worker over its wire, on a device that fails."""

    def worker(self, where, text, once=None):
        root = str(Path(__file__).resolve().parents[1])
        code = f"import sys; sys.path.insert(0, {root!r}); from engine_tests.failing_device import main; "
        code += f"main({where!r}, {text!r}, {once!r})"
        environment = {**os.environ, "MLX4J_ALLOW_ANY_PLATFORM": "true"}
        command = [sys.executable, "-I", "-X", "utf8", "-u", "-c", code]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        )
        self.addCleanup(lambda: [pipe.close() for pipe in (process.stdin, process.stdout, process.stderr)])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.send(process, "0", "initialize", protocol={"major": 1}, model={"source": str(MODEL)})
        return process

    @staticmethod
    def send(process, call_id, method, **params):
        line = json.dumps({"jsonrpc": "2.0", "id": call_id, "method": method, "params": params})
        process.stdin.write(line.encode() + b"\n")
        process.stdin.flush()

    def story_and_months(self, text):
        """Exit code, answers by id, and stderr of a worker whose device fails as one request joins another."""
        process = self.worker("join", text)
        self.send(process, "1", "generate", messages=[{"role": "user", "content": STORY}], maxTokens=800)
        answers, joined = {}, False
        for message in map(json.loads, process.stdout):
            if message.get("method") == "chunk" and not joined:
                joined = True
                self.send(process, "2", "generate", messages=[{"role": "user", "content": MONTHS}], maxTokens=800)
            if "id" in message and "method" not in message:
                answers[message["id"]] = message
        return process.wait(), answers, process.stderr.read().decode()

    def test_it_ends_with_70_and_answers_nobody(self):
        code, answers, stderr = self.story_and_months(FAULT)
        self.assertEqual(code, 70)
        self.assertEqual(answers.keys(), {"0"})
        self.assertIn(FAULT, stderr)

    def test_where_memory_was_short_the_started_one_is_told(self):
        code, answers, _ = self.story_and_months(SHORT)
        self.assertEqual(code, 70)
        self.assertEqual(answers.keys(), {"0", "1"})
        self.assertEqual(answers["1"]["error"]["data"]["kind"], "out_of_memory")

    def test_a_request_that_is_alone_is_told_too(self):
        process = self.worker("prefill", SHORT)
        self.send(process, "1", "generate", prompt=LONG, maxTokens=8)
        answers = [message for message in map(json.loads, process.stdout) if message.get("id") == "1"]
        self.assertEqual(process.wait(), 70)
        self.assertEqual([one["error"]["data"]["kind"] for one in answers], ["out_of_memory"])


class Kinds(unittest.TestCase):
    def test_vague_errors_that_wrap_one_for_want_of_memory(self):
        for kind in (ModelLoadFailed, ConversionFailed, EngineFailed):
            error = kind("it failed")
            error.__cause__ = MemoryError()
            self.assertIsInstance(failures.typed(error, "hint"), OutOfMemory)


if __name__ == "__main__":
    unittest.main()
