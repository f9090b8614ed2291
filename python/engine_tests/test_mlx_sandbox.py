"""The real mlx worker converts and trains under the sandbox, and writes its outputs only."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from engine_tests.harness import MODEL

SCRIPT = Path(__file__).resolve().parents[1] / "mlx_worker.py"
DATA = MODEL.parents[1] / "training" / "train.jsonl"
PROTOCOL = {"major": 1, "minor": 3}


@unittest.skipUnless(sys.platform == "linux", "Seatbelt is off by default")
class SandboxTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory())).resolve()

    def start(self, **rules):
        given = json.dumps({"mode": "require", "network": False, "write": [], **rules})
        command = [sys.executable, "-I", "-X", "utf8", "-u", str(SCRIPT), "nonce", "", given]
        self.worker = self.enterContext(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        held = json.loads(self.worker.stdout.readline())["params"]["sandbox"]
        self.assertEqual((held["files"], held["network"], held["missing"]), ("landlock", "seccomp", []))

    def call(self, method, **params):
        line = json.dumps({"jsonrpc": "2.0", "id": "1", "method": method, "params": params}) + "\n"
        self.worker.stdin.write(line.encode())
        self.worker.stdin.flush()
        for line in self.worker.stdout:
            message = json.loads(line)
            if "method" not in message:
                return message
        self.fail("the worker ended")

    def convert(self, folder):
        return self.call("convert", protocol=PROTOCOL, model={"source": str(MODEL)}, folder=str(folder))

    def test_a_conversion_makes_its_folder_and_nothing_else(self):
        new = self.folder / "new"
        self.start(create=str(new))
        self.assertIn("denied", self.convert(self.folder / "other")["error"]["message"])
        self.assertIn("result", self.convert(new))
        self.assertEqual([path.name for path in self.folder.iterdir()], ["new"])
        self.assertTrue((new / "model.safetensors").is_file())

    def test_a_training_writes_into_its_outputs_only(self):
        run = self.folder / "run"
        run.mkdir()
        self.start(write=[str(run)])
        training = {"method": "lora", "trainData": str(DATA), "totalSteps": 1, "batchSize": 1}
        opened = self.call("openTraining", protocol=PROTOCOL, model={"source": str(MODEL)}, training=training)
        self.assertIn("result", opened)
        self.assertIn("result", self.call("trainStep"))
        self.assertIn("denied", self.call("saveAdapter", folder=str(self.folder / "adapter"))["error"]["message"])
        self.assertIn("result", self.call("saveCheckpoint", folder=str(run / "checkpoint")))
        self.assertIn("result", self.call("saveAdapter", folder=str(run / "adapter")))
        self.assertEqual([path.name for path in self.folder.iterdir()], ["run"])


if __name__ == "__main__":
    unittest.main()
