"""The mlx worker over several ranks, as processes on this machine. Runs in the worker's environment."""

import base64
import json
import os
import shutil
import signal
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import mlx.core as mx
import numpy
from mlx import nn

from engine_tests.harness import MODEL, SCHEMA, STORY, known
from engine_tests.mlx_models import divisible
from engine_tests.ranks import PATIENCE, SCRIPT, RankedWorker, left_of
from engine_tests.tolerance import tolerance
from engine_tests.training import BATCH, TRAIN, VALID
from mlx4j_worker.dispatch import EXIT_RANK_LOST
from mlx4j_worker.errors import EngineFailed, InvalidRequest, WorkerError
from mlx4j_worker.mlx.ranks import hosts, sharding
from mlx4j_worker.mlx.ranks import processes as ranks_module
from mlx4j_worker.mlx.ranks.data_parallel import share
from mlx4j_worker.training.batches import Batch, Sequence

ENDLESS = {"maxTokens": 3000, "sampling": {"logitBias": {"2": -100}}}  # without the end token
WILD = {"sampling": {"temperature": 1.5, "seed": 7, "repetitionPenalty": 1.1, "topK": 300}, "logProbs": 2}


class Ranked(unittest.TestCase):
    """Workers that end with the test, and leave nothing behind."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.model = cls.folder / "divisible"
        divisible(cls.model)

    def worker(self, **options):
        """A worker that has loaded the model."""
        worker = RankedWorker()
        self.addCleanup(self.ended, worker)
        worker.initialize(self.model, **options)
        return worker

    def training(self, *, model=None, options=None, **fields):
        worker = RankedWorker()
        self.addCleanup(self.ended, worker)
        training = {"method": "lora", "learningRate": 2e-3, "trainData": TRAIN, "validData": VALID, **fields}
        source = {"source": str(model or MODEL)}
        told = worker.call(
            "openTraining", protocol={"major": 1}, model=source, options=options or {}, training=training
        )
        return worker, told

    def ended(self, worker):
        every = worker.all()
        if not worker.process.stdin.closed:
            worker.end()
        self.assertEqual(left_of(every), set())

    def assertLost(self, worker, every, *, rank, code):
        """That the worker ended because of a rank, and said so, and nothing is left of it."""
        self.assertEqual(worker.process.wait(PATIENCE), EXIT_RANK_LOST)
        self.assertRegex(worker.last_words(), rf"Rank {rank} of \d failed: It ended with exit code {code}\.")
        self.assertEqual(left_of(every), set())


class Generation(Ranked):
    def test_two_and_three_ranks_answer_as_one_does(self):
        plain = self.worker()
        wild = plain.answer(plain.send("generate", prompt=STORY, maxTokens=20, **WILD))[1]
        vector = _embedded(plain)
        score = plain.call("score", prompt="The sky is", completion=" blue")
        for ranks in (2, 3):
            with self.subTest(ranks=ranks):
                worker = self.worker(ranks=ranks)
                self.assertEqual(worker.generate(STORY)[0], known(STORY)["tokens"][:24])
                tokens, result = worker.generate(STORY)
                self.assertEqual(tokens, known(STORY)["tokens"][:24])
                self.assertGreater(result["usage"]["cachedTokens"], 8)
                others = worker.answer(worker.send("generate", prompt=STORY, maxTokens=20, **WILD))[1]
                self.assertEqual([one["tokens"] for one in others], [one["tokens"] for one in wild])
                self.assertClose(_log_probs(others), _log_probs(wild))
                self.assertClose(_floats(_embedded(worker)), _floats(vector))
                theirs = worker.call("score", prompt="The sky is", completion=" blue")
                self.assertClose(theirs["logProbs"], score["logProbs"])
                self.assertEqual(len(worker.others()), ranks - 1)

    def test_documents_are_scored_as_on_one(self):
        self.model = shutil.copytree(self.model, self.folder / "reranker")
        kinds = {"": "base.modules.transformer.Transformer", "1_LogitScore": "cross_encoder.modules.LogitScore"}
        listed = [{"path": path, "type": f"sentence_transformers.{kind}"} for path, kind in kinds.items()]
        (self.model / "modules.json").write_text(json.dumps(listed))
        (self.model / "1_LogitScore").mkdir()
        (self.model / "1_LogitScore/config.json").write_text(json.dumps({"true_token_id": 17, "false_token_id": 40}))
        (self.model / "chat_template.jinja").write_text("{% for one in messages %}{{ one.content }}\n{% endfor %}")
        asked = {"query": "Why is the sky blue, and not green?", "documents": ["Air scatters light.", "Bread", "Air"]}
        wanted = self.worker().call("rerank", **asked)["scores"]
        self.assertEqual(len({*wanted}), 3)
        self.assertClose(self.worker(ranks=2).call("rerank", **asked)["scores"], wanted)

    def test_requests_and_formats_come_one_after_another(self):
        worker = self.worker(ranks=2)
        schema = {"type": "jsonSchema", "schema": SCHEMA}
        calls = [
            worker.send("generate", prompt="A person", maxTokens=200, responseFormat=schema, sampling={"seed": 1}),
            worker.send("generate", prompt=STORY * 30, maxTokens=3),
            worker.send("logits", tokens=[5, 77, 400]),
        ]
        text, answered = "", []
        for message in worker.messages():
            if message.get("method") == "chunk" and message["params"]["id"] == calls[0]:
                text += message["params"]["text"]
            elif message.get("id") in calls:
                self.assertIn("result", message)
                answered.append(message["id"])
            if len(answered) == len(calls):
                break
        self.assertEqual(json.loads(text).keys(), SCHEMA["properties"].keys())

    def test_a_cancelled_request_leaves_the_ranks_together(self):
        worker = self.worker(ranks=2)
        for _ in range(3):
            story = worker.send("generate", prompt=STORY, **ENDLESS)
            self.assertEqual(worker.first("chunk")["id"], story)
            worker.cancel(story)
            self.assertEqual(worker.answer(story)[0]["data"]["kind"], "cancelled")
            self.assertEqual(worker.generate(STORY)[0], known(STORY)["tokens"][:24])

    def test_weights_are_spread(self):
        shapes = {one["name"]: one["shape"] for one in self.worker(ranks=3).call("parameters")["parameters"]}
        self.assertEqual(shapes["model.layers.0.mlp.up_proj.weight"], [528 // 3, 192])
        self.assertEqual(shapes["model.layers.0.self_attn.o_proj.weight"], [192, 192 // 3])
        self.assertEqual(shapes["model.embed_tokens.weight"], [1024, 192])

    def assertClose(self, one, other):
        self.assertLess(numpy.abs(numpy.array(one) - numpy.array(other)).max(), tolerance(1e-3))


class Refusals(Ranked):
    def refused(self, pattern, model=None, worker=None, **options):
        if worker is None:
            worker = RankedWorker()
            self.addCleanup(self.ended, worker)
        error = worker.initialize(model or self.model, **options)
        self.assertRegex(error["message"], pattern)
        self.assertEqual(error["data"]["kind"], "invalid_request")
        return worker

    def test_sizes_that_the_ranks_do_not_divide(self):
        worker = self.refused("over 2 ranks: its num_key_value_heads is 3", MODEL, ranks=2)
        self.refused("over 3 ranks: .*512", MODEL, worker, ranks=3)
        self.refused("already had ranks", worker=worker, ranks=2)
        self.assertEqual(worker.initialize(self.model)["dtype"], "float32")  # the worker itself is as it was

    def test_options_that_do_not_go_together(self):
        worker = self.refused("ranks is 17, but must be a whole number from 2 to 16", ranks=17)
        self.refused("kvBits can't be used with ranks", worker=worker, ranks=2, kvBits=8)
        self.refused("draftModel can't be used with ranks", worker=worker, ranks=2, draftModel=str(MODEL))
        self.refused("ranks and hosts can't be used together", worker=worker, ranks=2, hosts="hosts.json")
        self.refused("nowhere.json can't be read", worker=worker, hosts="nowhere.json")

    def test_an_architecture_that_can_not_be_spread(self):
        with self.assertRaisesRegex(InvalidRequest, "can't shard this architecture"):
            sharding.shard(nn.Linear(2, 2), mx.distributed.init(), "folder")


class Hosts(Ranked):
    """A host file, with a program for ssh that runs on this machine what it should run on the other."""

    def machines(self, program, **entry):
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        (folder / "ssh").write_text(f"#!/bin/sh\n{program}\n")
        (folder / "ssh").chmod(0o755)
        other = {"ssh": "studio", "ips": ["127.0.0.1"], "python": sys.executable, "worker": str(SCRIPT), **entry}
        (folder / "hosts.json").write_text(json.dumps([{"ssh": "here", "ips": ["127.0.0.1"]}, other]))
        worker = RankedWorker(folder)
        self.addCleanup(self.ended, worker)
        return worker.initialize(self.model, hosts=str(folder / "hosts.json")), worker

    def test_a_rank_of_another_machine(self):
        told, worker = self.machines('[ "$*" != "${*#-T -o BatchMode=yes -- studio }" ] && shift 5 && exec sh -c "$1"')
        self.assertIn("hosts", told["capabilities"])
        self.assertEqual(worker.generate(STORY)[0], known(STORY)["tokens"][:24])

    def test_a_machine_that_can_not_be_reached(self):
        error, _ = self.machines("exit 255")
        self.assertIn("Rank 1 of 2 failed: It ended with exit code 255.", error["message"])
        self.assertEqual(error["data"]["kind"], "engine_failed")

    def test_an_address_that_is_none(self):
        error, _ = self.machines('shift 5; exec sh -c "$1"', ips=["no address"])
        self.assertIn("could not connect to the other ranks at 127.0.0.1:32323, no address:32324", error["message"])


@mock.patch.object(sys, "platform", "darwin")
class LocalNetwork(unittest.TestCase):
    """Every error about a host out of reach names the permission that macOS wants."""

    ADDRESSES = ("10.0.0.1:32323", "10.0.0.2:32324")

    def test_a_rank_whose_ssh_ends(self):
        with self.assertRaisesRegex(WorkerError, "exit code 255") as caught:
            self.ranks("exit 255").wait()
        self.assertIn("Local Network", caught.exception.hint)

    def test_a_rank_that_is_never_ready(self):
        with self.assertRaisesRegex(EngineFailed, "not ready") as caught:
            self.ranks("cat > /dev/null").wait(0)
        self.assertIn("Local Network", caught.exception.hint)

    def test_ranks_that_do_not_find_each_other(self):
        refused = mock.patch.object(mx.distributed, "init", side_effect=RuntimeError("[ring] No route to host"))
        with mock.patch.dict(os.environ), refused, self.assertRaisesRegex(EngineFailed, "other ranks") as caught:
            ranks_module.join(0, self.ADDRESSES)
        self.assertIn("Local Network", caught.exception.hint)

    def ranks(self, script):
        """The Ranks with one on another machine, whose ssh does this instead; it has been told something."""
        made = ranks_module.Ranks(hosts.Hosts([*self.ADDRESSES], [["sh", "-c", script]], 2), lambda *_: None)
        self.addCleanup(made.close)
        made.broadcast("load")
        return made


class Ends(Ranked):
    def test_the_end_of_stdin_ends_every_rank(self):
        worker = self.worker(ranks=3)
        every = worker.all()
        self.assertEqual(len(every), 6)  # with a watchdog each
        worker.send("generate", prompt=STORY, **ENDLESS)
        worker.first("chunk")
        self.assertEqual(worker.end(), 0)
        self.assertEqual(left_of(every), set())

    def test_a_rank_that_is_killed_at_work_ends_all(self):
        worker = self.worker(ranks=3)
        every, [first, second] = worker.all(), sorted(worker.others())
        self.assertNotEqual(first, second)
        worker.send("generate", prompt=STORY, **ENDLESS)
        worker.first("chunk")
        os.kill(second, signal.SIGKILL)
        self.assertLost(worker, every, rank="[12]", code=-9)

    def test_a_rank_that_is_killed_at_rest_ends_all(self):
        worker = self.worker(ranks=2)
        every = worker.all()
        os.kill(worker.others()[0], signal.SIGKILL)
        self.assertLost(worker, every, rank=1, code=-9)

    def test_a_killed_worker_takes_its_ranks_along(self):
        worker = self.worker(ranks=2)
        every = worker.all()
        worker.send("generate", prompt=STORY, **ENDLESS)
        worker.first("chunk")
        worker.process.kill()
        self.assertEqual(left_of(every), set())


class Training(Ranked):
    def test_ranks_train_as_one_does(self):
        lora = {"batchSize": 4}
        full = {"method": "full", "batchSize": 5, "accumulation": 2, "maxGradientNorm": 1.0}
        for ranks, fields in ((2, lora), (3, full)):
            with self.subTest(ranks=ranks, **fields):
                one, several = (self.steps(options, **fields) for options in (None, {"ranks": ranks}))
                self.assertLess(max(abs(a - b) / b for a, b in zip(several, one, strict=True)), tolerance(1e-5))

    def steps(self, options, **fields):
        """Losses, and norms of gradients, of some steps."""
        worker, _ = self.training(options=options, **fields)
        steps = [worker.call("trainStep") for _ in range(2)]
        steps += [worker.call("trainStep", batch={"tokens": [[5, 77, 400, 12, 900]]})]  # too few rows for each rank
        validated = worker.call("validate", batches=1)["loss"]
        return [value for step in steps for value in (step["loss"], step["gradientNorm"])] + [validated]

    def test_a_training_over_ranks_goes_on_from_its_checkpoint_bit_for_bit(self):
        full = {"method": "full", "dtype": "bfloat16", "learningRate": 1e-5}  # the ranks share float32 master weights
        for kind in ({"dropout": 0.2}, full):
            with self.subTest(**kind):
                folder = str(self.folder.resolve() / kind.get("method", "lora"))
                fields = {**kind, "batchSize": 2, "options": {"ranks": 2}}
                first, _ = self.training(**fields)
                first.call("trainStep")
                first.call("trainStep")
                self.assertEqual(first.call("saveCheckpoint", folder=folder)["step"], 2)
                whole = [first.call("trainStep")["loss"] for _ in range(2)]
                second, _ = self.training(**fields)
                self.assertEqual(second.call("loadCheckpoint", folder=folder)["step"], 2)
                self.assertEqual([second.call("trainStep")["loss"] for _ in range(2)], whole)

    def test_a_cancelled_step_leaves_no_trace(self):
        fields = {"batchSize": 2, "accumulation": 10_000, "options": {"ranks": 2}}
        disturbed, _ = self.training(**fields)
        step = disturbed.send("trainStep")
        disturbed.await_training()
        disturbed.cancel(step)
        self.assertEqual(disturbed.answer(step)[0]["data"]["kind"], "cancelled")
        other, _ = self.training(**fields)
        one, same = (worker.call("trainStep", batch=BATCH) for worker in (disturbed, other))
        self.assertEqual((one["loss"], one["gradientNorm"]), (same["loss"], same["gradientNorm"]))

    def test_a_rank_that_is_killed_ends_the_training(self):
        worker, _ = self.training(batchSize=4, accumulation=10_000, options={"ranks": 2})
        every = worker.all()
        worker.send("trainStep")
        worker.await_training()
        os.kill(worker.others()[0], signal.SIGKILL)
        self.assertLost(worker, every, rank=1, code=-9)

    def test_a_batch_needs_a_row_for_each_rank(self):
        _, error = self.training(batchSize=2, options={"ranks": 3})
        self.assertIn("batchSize is 2, but there are 3 ranks", error["message"])

    def test_the_rows_of_a_batch_are_shared_out(self):
        batch = Batch.of([Sequence([1, 2, 3]), Sequence([4, 5], 1), Sequence([6, 7, 8, 9], 2)], 32)
        first, second = share(batch, 2)
        self.assertEqual([row[:3] for row in first.inputs], [[1, 2, 0], [6, 7, 8]])
        self.assertEqual((first.tokens, second.tokens), (4, 1))
        self.assertEqual([part.tokens for part in share(second, 2)], [1, 0])


def _embedded(worker):
    """The embedding notification of a text; a log of the assumed pooling may come before it."""
    notes = worker.answer(worker.send("embed", texts=["a lighthouse"]))[1]
    return next(note for note in notes if "vector" in note)


def _floats(note):
    return numpy.frombuffer(base64.b64decode(note["vector"]), dtype="<f4")


def _log_probs(notes):
    return [one["logProb"] for note in notes for one in note.get("logProbs", [])]
