"""The fake worker with the watchdog of a platform: watched_worker.py NONCE FOLDER kqueue|poll|xnu_poll."""

import os
import runpy
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)

import platforms  # noqa: E402

getattr(platforms, f"install_{sys.argv.pop(3)}")()
runpy.run_path(os.path.join(HERE, "fake_worker.py"), run_name="__main__")
