"""Downloads from a hub of our own, through the real client: whole, interrupted, refused."""

import os
import resource
import signal
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from engine_tests import companions
from engine_tests.harness import MODEL
from engine_tests.hub_server import HUGE, WEIGHTS, Hub

_server = Hub(MODEL)
os.environ["HF_ENDPOINT"] = _server.url  # read as the client is imported
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"

from huggingface_hub import constants  # noqa: E402

from mlx4j_worker.errors import Cancelled, DownloadFailed, ModelNotFound, OutOfMemory  # noqa: E402
from mlx4j_worker.models import hub, source  # noqa: E402

SIZE = (MODEL / WEIGHTS).stat().st_size


class HubTest(unittest.TestCase):
    def setUp(self):
        self.server = _server
        self.server.log.clear()
        self.cache = Path(self.enterContext(tempfile.TemporaryDirectory())).resolve()
        self.set("HF_HUB_CACHE", str(self.cache))
        self.told = []  # (done, total)

    def set(self, name, value):
        self.addCleanup(setattr, constants, name, getattr(constants, name))
        setattr(constants, name, value)

    def fetch(self, name, stall=30.0, token=None, **more):
        def progress(phase, done, total, unit):
            self.assertEqual((phase, unit), ("download", "bytes"))
            self.told.append((done, total))

        return hub.fetch(name, None, token, progress, stall=stall, **more)

    def failed(self, kind, name, **more):
        with self.assertRaises(kind) as caught:
            self.fetch(name, **more)
        return caught.exception

    def partials(self):
        return [path.stat().st_size for path in self.cache.rglob("*.incomplete")]

    def ranges(self):
        return [one["range"] for one in self.server.log if one["method"] == "GET" and one["path"].endswith(WEIGHTS)]

    def assert_whole(self, path):
        for name in (WEIGHTS, "config.json", "tokenizer.json", "chat_template.jinja"):
            self.assertEqual((path / name).read_bytes(), (MODEL / name).read_bytes())
        self.assertEqual(self.partials(), [])

    def test_a_model_is_fetched_once_and_then_comes_from_the_cache(self):
        path, facts = self.fetch("tiny/chat")
        self.assert_whole(path)
        self.assertEqual(facts["revision"], path.name)
        self.assertEqual(self.told[-1], (facts["bytes"], facts["bytes"]))
        self.assertEqual(sorted(self.told), self.told)
        requests = len(self.server.log)
        self.assertEqual(source.resolve("tiny/chat", None, source.Download(), None), path)
        self.assertEqual(source.resolve("tiny/chat", None, None, None), path)
        self.assertEqual(len(self.server.log), requests)

    def test_two_at_once_fetch_the_weights_once(self):
        with ThreadPoolExecutor(2) as both:
            for path, _ in both.map(lambda _: self.fetch("tiny/chat"), range(2)):
                self.assert_whole(path)
        self.assertEqual(self.ranges(), ["bytes=0-"])

    def test_a_full_disk_keeps_what_is_there(self):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE // 2, before[1]))
        try:
            self.assertIn("File too large", str(self.failed(DownloadFailed, "tiny/chat")))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)
        (there,) = self.partials()
        self.assert_whole(self.fetch("tiny/chat")[0])
        self.assertEqual(self.ranges()[-1], f"bytes={there}-")

    def test_a_cut_connection_goes_on_from_where_it_was(self):
        path, _ = self.fetch("faults/cut")
        self.assert_whole(path)
        self.assertEqual(self.ranges(), [f"bytes={at}-" for at in range(0, SIZE, 2_000_000)])

    def test_no_byte_for_long_is_a_failure_that_keeps_what_is_there(self):
        error = self.failed(DownloadFailed, "faults/stall", stall=0.3)
        self.assertIn(f"{SIZE // 2} of {SIZE} bytes were received and are kept", str(error))
        self.assertTrue(error.retryable)
        self.assertEqual(self.partials(), [SIZE // 2])

    def test_a_stalled_download_goes_on_from_where_it_was(self):
        path, _ = self.fetch("faults/stall-once", stall=4.0)
        self.assert_whole(path)
        self.assertEqual(self.ranges(), ["bytes=0-", f"bytes={SIZE // 2}-"])

    def test_a_server_that_heeds_no_range_is_heard_from_the_beginning(self):
        self.fetch("faults/no-range", stall=4.0)
        self.assertEqual(self.ranges(), ["bytes=0-", f"bytes={SIZE // 2}-"])
        self.assertEqual(self.partials(), [])

    def test_an_overloaded_server_is_asked_again(self):
        path, _ = self.fetch("faults/flaky", stall=5.0)
        self.assert_whole(path)
        self.assertEqual(len(self.ranges()), 3)

    def test_other_weights_than_the_list_says_are_thrown_away(self):
        for name in ("faults/changed", "faults/shorter"):
            with self.subTest(name):
                self.assertIn("doesn't match the hub's list", str(self.failed(DownloadFailed, name, stall=5.0)))
                self.assertEqual(self.partials(), [])
                self.assertEqual(list(self.cache.rglob(WEIGHTS)), [])

    def test_a_cancelled_download_keeps_what_is_there(self):
        def poll():
            if sum(self.partials()) > 1_000_000:
                raise Cancelled("enough")

        self.failed(Cancelled, "tiny/chat", poll=poll)
        (there,) = self.partials()
        path, _ = self.fetch("tiny/chat")
        self.assert_whole(path)
        self.assertEqual(self.ranges()[-1], f"bytes={there}-")

    def test_what_the_hub_refuses_says_why(self):
        for name, kind, words in (
            ("faults/private", ModelNotFound, "or it is private"),
            ("faults/gated", ModelNotFound, "accepted its terms"),
            ("faults/missing", ModelNotFound, "has no model"),
            ("faults/down", DownloadFailed, "503"),
            ("faults/garbage", DownloadFailed, "can't be read"),
            ("no--good/name", ModelNotFound, "There is no model"),
        ):
            with self.subTest(name):
                self.assertIn(words, str(self.failed(kind, name, stall=1.0)))

    def test_a_token_opens_a_private_model_and_is_in_no_message(self):
        error = self.failed(ModelNotFound, "faults/private", token="wrong-token")
        self.assertNotIn("wrong-token", str(error) + error.hint)
        self.assert_whole(self.fetch("faults/private", token="secret")[0])

    def test_a_token_is_not_sent_to_another_host(self):
        self.assert_whole(self.fetch("faults/moved", token="secret")[0])
        asked = [one for one in self.server.log if one["method"] == "GET" and one["path"].endswith(WEIGHTS)]
        self.assertEqual([(one["host"], one["token"]) for one in asked], [("127.0.0.1", True), ("localhost", False)])

    def test_an_etag_that_is_a_path_writes_nothing_there(self):
        self.server.elsewhere = self.cache.parent / f"{self.cache.name}-elsewhere.pth"
        self.assert_whole(self.fetch("faults/etag")[0])
        self.assertFalse(self.server.elsewhere.exists())

    def test_a_list_with_paths_as_names_is_refused_before_anything_is_written(self):
        for name in ("faults/name", "faults/blob", "faults/outside", "faults/commit"):
            with self.subTest(name):
                self.assertIn("list of " + name, str(self.failed(DownloadFailed, name)))
                self.assertEqual(list(self.cache.iterdir()), [])

    def test_a_list_that_is_none_or_too_long_is_refused_in_little_memory(self):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for name, words in (
            ("faults/shape", "can't be read: TypeError"),
            ("faults/deep", "can't be read"),
            ("faults/long", "is longer than 16777216 bytes"),
            ("faults/bomb", "is longer than 16777216 bytes"),
        ):
            with self.subTest(name):
                self.server.sent = 0
                self.assertIn(words, str(self.failed(DownloadFailed, name)))
                self.assertLess(self.server.sent, 300_000_000)
        self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, 200_000)  # KiB

    def test_weights_that_never_end_are_cut_off_at_the_listed_size(self):
        self.server.sent = 0
        self.assertIn("doesn't match the hub's list", str(self.failed(DownloadFailed, "faults/endless")))
        self.assertLess(self.server.sent, 10 * SIZE)
        self.assertEqual(self.partials(), [])

    def test_a_small_file_has_the_listed_hash_too(self):
        self.assertIn("config.json doesn't match", str(self.failed(DownloadFailed, "faults/small")))
        self.assertEqual([path for path in self.cache.rglob("*") if path.name == "config.json"], [])

    def test_huggingface_hub_finds_what_was_fetched(self):
        from huggingface_hub import snapshot_download

        path, _ = self.fetch("tiny/chat")
        self.assertEqual(Path(snapshot_download("tiny/chat", local_files_only=True)), path)
        requests = len(self.server.log)
        snapshot_download("tiny/chat", allow_patterns=["*.json", "*.safetensors"])
        self.assertEqual([one for one in self.server.log[requests:] if one["path"].endswith(WEIGHTS)], [])

    def test_no_hub_is_a_failure_of_the_network(self):
        self.set("ENDPOINT", "http://127.0.0.1:1")
        self.assertIn("can't be used for tiny/chat", str(self.failed(DownloadFailed, "tiny/chat", stall=1.0)))

    def test_a_model_larger_than_the_disk_is_refused_before_a_byte_is_fetched(self):
        error = self.failed(DownloadFailed, "faults/huge")
        self.assertIn(f"needs {HUGE / 1e9:.1f} GB more on the disk", str(error))
        self.assertEqual((self.ranges(), list(self.cache.iterdir())), ([], []))

    def test_a_model_larger_than_memory_is_refused_before_a_byte_is_fetched(self):
        error = self.failed(OutOfMemory, "tiny/chat", room=SIZE - 1)
        self.assertIn("nothing was downloaded", str(error))
        self.assertEqual((self.ranges(), list(self.cache.iterdir())), ([], []))
        self.assert_whole(self.fetch("tiny/chat", room=SIZE)[0])

    def test_the_hub_describes_a_model_without_filling_the_cache(self):
        facts = hub.describe("tiny/chat", None, None)
        self.assertEqual((facts["weightBytes"], facts["licence"], facts["gated"]), (SIZE, "apache-2.0", False))
        self.assertEqual(facts["config"]["num_hidden_layers"], 4)
        self.assertEqual(list(self.cache.iterdir()), [])

    def test_a_removed_model_leaves_nothing_behind(self):
        _, facts = self.fetch("tiny/chat")
        self.fetch("tiny/other")
        self.assertEqual(hub.remove("tiny/chat"), facts["bytes"])
        self.assertEqual([path.name for path in self.cache.glob("models--*")], ["models--tiny--other"])

    def test_companion_files_of_macos_in_the_cache_are_no_part_of_a_model(self):
        path, facts = self.fetch("tiny/chat")
        self.fetch("tiny/other")
        companions.scatter(self.cache)
        allowed = source.Download()
        self.server.log.clear()
        self.assertEqual(source.resolve("tiny/chat", None, allowed, lambda *_: None), path)
        self.assertEqual(self.server.log, [])  # it is whole, so the hub isn't asked
        self.assertEqual(hub.remove("tiny/chat"), facts["bytes"])
        self.assertEqual([path.name for path in self.cache.glob("models--*")], ["models--tiny--other"])
        self.assertEqual(hub.remove("tiny/other"), facts["bytes"])

    def test_a_worker_without_the_network_says_what_is_missing(self):
        elsewhere = source.Download(room=5, here=False)
        with self.assertRaises(source.NotDownloaded) as missing:
            source.resolve("tiny/chat", "main", elsewhere, None)
        self.assertEqual(missing.exception.asked, {"source": "tiny/chat", "revision": "main", "roomBytes": 5})
        self.assertEqual(self.server.log, [])
        path, _ = self.fetch("tiny/chat")
        self.assertEqual(source.resolve("tiny/chat", None, elsewhere, None), path)

    def test_a_part_of_a_model_is_removed_too(self):
        self.failed(DownloadFailed, "faults/stall", stall=0.3)
        there = [path.stat().st_size for path in (self.cache / "models--faults--stall" / "blobs").iterdir()]
        self.assertIn(SIZE // 2, there)
        self.assertEqual(hub.remove("faults/stall"), sum(there))
        self.assertEqual(list(self.cache.glob("models--*")), [])
        with self.assertRaises(ModelNotFound):
            hub.remove("faults/stall")


if __name__ == "__main__":
    unittest.main()
