"""Importing the package changes nothing in the process; computing does, and says how."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from ganverse_nb.runtime.process import THREADS, stops_like_ctrl_c, without_ctrl_c

IMPORT = """
import ctypes, json, os, signal, sys, threading
asked = []
original = ctypes.CDLL.__getattr__
ctypes.CDLL.__getattr__ = lambda self, name: asked.append(name) or original(self, name)
before = dict(os.environ), threading.active_count(), signal.getsignal(signal.SIGTERM)
import ganverse_nb
dir(ganverse_nb)
same = before == (dict(os.environ), threading.active_count(), signal.getsignal(signal.SIGTERM))
loaded = sorted({name.split(".")[0] for name in sys.modules} & {"torch", "warp", "matplotlib", "numpy"})
print(json.dumps({"same": same, "mallopt": "mallopt" in asked, "loaded": loaded}))
"""
RUN = """
import json, os, sys
from ganverse_nb.workflow.run import open_run
assert "torch" not in sys.modules
open_run("smoke", runs=sys.argv[1], figures=sys.argv[1])
print(json.dumps(dict(os.environ)))
"""


def _ask(script: str, *arguments: str, **environment: str) -> dict:
    clean = {name: value for name, value in os.environ.items() if name not in THREADS} | environment
    command = [sys.executable, "-c", script, *arguments]
    return json.loads(subprocess.run(command, env=clean, capture_output=True, text=True, check=True).stdout)


def test_importing_the_package_changes_nothing_and_loads_nothing_large():
    assert _ask(IMPORT) == {"same": True, "mallopt": False, "loaded": []}


def test_a_run_sets_how_threads_wait_before_torch_is_loaded_and_keeps_what_the_environment_says(tmp_path):
    assert len(THREADS) > 1 and THREADS["OMP_WAIT_POLICY"] != "ACTIVE"
    found = _ask(RUN, str(tmp_path), OMP_WAIT_POLICY="ACTIVE")
    assert (THREADS | {"OMP_WAIT_POLICY": "ACTIVE"}).items() <= found.items()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_stop_and_a_closed_terminal_end_like_ctrl_c(number):
    before = signal.signal(number, signal.SIG_DFL)  # what runs the tests may ignore it
    try:
        with pytest.raises(KeyboardInterrupt), stops_like_ctrl_c():
            signal.raise_signal(number)
        assert signal.getsignal(number) is signal.SIG_DFL
        signal.signal(number, signal.SIG_IGN)  # as nohup has it
        with stops_like_ctrl_c():
            signal.raise_signal(number)
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_processes_started_meanwhile_do_not_hear_ctrl_c_and_this_one_hears_it_afterwards():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs the tests may ignore it
    waits = "import sys, time; print(flush=True); time.sleep(0.3); print('heard nothing')"
    try:
        with pytest.raises(KeyboardInterrupt):
            with without_ctrl_c():
                process = subprocess.Popen([sys.executable, "-c", waits], stdout=subprocess.PIPE, text=True)
                assert process.stdout.readline() == "\n"
                signal.raise_signal(signal.SIGINT)
                process.send_signal(signal.SIGINT)
            raise AssertionError("Ctrl-C was lost")
    finally:
        signal.signal(signal.SIGINT, before)
    assert process.communicate() == ("heard nothing\n", None)
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
