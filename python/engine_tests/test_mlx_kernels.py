"""Which compiled kernels an mlx worker loads, and which it keeps. Runs in the worker's environment."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import mlx.core as mx

from engine_tests.harness import MODEL, STORY, known
from engine_tests.ranks import PATIENCE, RankedWorker

TOKENS = known(STORY)["tokens"][:24]


@unittest.skipIf(mx.default_device() == mx.gpu, "on a GPU, MLX compiles no kernels for the CPU")
class Kernels(unittest.TestCase):
    """Workers with a temporary folder, and an environment, of this test's own."""

    def setUp(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory())).resolve()
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.environment = folder / "environment"
        self.kept = self.environment / f"mlx-kernels-{mx.__version__}"
        (self.environment / "bin").mkdir(parents=True)
        (self.environment / "bin" / "python").symlink_to(Path(sys.executable).resolve())
        (self.environment / "lib").symlink_to(Path(sys.prefix, "lib"))
        shutil.copy(Path(sys.prefix, "pyvenv.cfg"), self.environment)
        self.compiled = folder / "compiled"  # one line for each call of the compiler
        self.compiler = folder / "path"
        self.compiler.mkdir()
        (self.compiler / "g++").write_text(
            f'#!/bin/sh\ncase "$*" in *-shared*) echo >> "{self.compiled}";; esac\nexec {shutil.which("g++")} "$@"\n'
        )
        (self.compiler / "g++").chmod(0o755)

    def worker(self):
        worker = RankedWorker(self.compiler, self.environment / "bin" / "python", TMPDIR=str(self.temporary))
        self.addCleanup(self._end, worker)
        worker.initialize(MODEL)
        self.assertEqual(worker.generate(STORY)[0], TOKENS)
        return worker

    def answer(self):
        """The number of kernels that were compiled for one answer; the worker ends after it."""
        before = self._compilations()
        self.assertEqual(self.worker().end(), 0)
        self.await_empty()
        return self._compilations() - before

    def _end(self, worker):
        if worker.process.poll() is None:
            worker.end()

    def _compilations(self):
        return len(self.compiled.read_text().splitlines()) if self.compiled.exists() else 0

    def await_empty(self):
        until = time.monotonic() + PATIENCE
        while (left := os.listdir(self.temporary)) and time.monotonic() < until:
            time.sleep(0.02)
        self.assertEqual(left, [])

    def plant(self, folder, names):
        """A file for each name that MLX would load; returns the file that would be there then."""
        ran = folder.parent / "ran"
        source = folder.parent / "planted.cpp"
        source.write_text(
            f'#include <fstream>\n__attribute__((constructor)) void run() {{ std::ofstream("{ran}") << 1; }}\n'
        )
        for name in names:
            subprocess.run(["g++", "-fPIC", "-shared", source, "-o", folder / name], check=True)
        return ran

    def names(self):
        return [name for name in os.listdir(self.kept) if name.endswith(".so")]

    def test_the_second_worker_compiles_nothing(self):
        self.assertGreater(self.answer(), 0)
        self.assertEqual(stat.S_IMODE(self.kept.stat().st_mode), 0o700)
        self.assertEqual(sorted(os.listdir(self.kept)), sorted(self.names()))
        self.assertEqual(self.answer(), 0)

    def test_kernels_in_the_temporary_folder_of_the_program_are_not_loaded(self):
        self.answer()
        names = self.names()
        shutil.rmtree(self.kept)
        planted = self.temporary / "mlx" / mx.__version__ / "cpu"
        planted.mkdir(parents=True)
        ran = self.plant(planted, names)
        self.worker()
        self.assertFalse(ran.exists())

    def test_a_folder_that_others_may_write_to_is_not_used(self):
        self.answer()
        ran = self.plant(self.kept, self.names())
        for make_unsafe in (self._open_to_the_group, self._of_another_user, self._behind_a_link):
            with self.subTest(make_unsafe.__name__):
                before = sorted(os.listdir(self.kept))
                undo = make_unsafe()
                self.assertGreater(self.answer(), 0)
                undo()
                self.assertFalse(ran.exists())
                self.assertEqual(sorted(os.listdir(self.kept)), before)
        with self.assertRaises(AssertionError):  # the planted kernels would have been noticed
            self.answer()
        self.assertTrue(ran.exists())

    def _open_to_the_group(self):
        self.kept.chmod(0o770)
        return lambda: self.kept.chmod(0o700)

    def _of_another_user(self):
        if os.geteuid() != 0:
            self.skipTest("only root can give a folder to another user")
        os.chown(self.kept, 12345, -1)
        return lambda: os.chown(self.kept, 0, -1)

    def _behind_a_link(self):
        elsewhere = self.kept.with_name("elsewhere")
        self.kept.rename(elsewhere)
        self.kept.symlink_to(elsewhere)

        def undo():
            self.kept.unlink()
            elsewhere.rename(self.kept)

        return undo

    def test_a_file_that_is_none_of_ours_does_not_stop_a_worker(self):
        self.answer()
        (self.kept / "lib_elsewhere.so").symlink_to("/dev/zero")
        os.mkfifo(self.kept / "pipe.so")
        self.assertEqual(self.answer(), 0)

    def test_a_killed_worker_leaves_nothing(self):
        worker = self.worker()
        [folder] = self.temporary.iterdir()
        self.assertEqual(stat.S_IMODE(folder.stat().st_mode), 0o700)
        self.assertTrue(list((folder / "tmp").rglob("*.so")))
        worker.process.kill()
        worker.process.wait(PATIENCE)
        worker.end()
        self.await_empty()
        self.assertFalse(self.kept.exists())
