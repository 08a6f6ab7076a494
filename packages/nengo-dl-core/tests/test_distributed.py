"""Training on two devices, or in two processes, gives the same as on one."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from time import sleep

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("distributed_training.py")
EXAMPLE = Path(__file__).parents[1] / "examples" / "several_workers.py"
# The example, in a process that is killed in the middle of the second epoch.
KILLED = """
import os, runpy, signal, sys
main = runpy.run_path(sys.argv[1])["main"]

class Killed(main.__globals__["SharedBackup"]):
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
    def on_train_batch_begin(self, batch, logs=None):
        if self.epoch == 1 and batch == 5:
            os.kill(os.getpid(), signal.SIGKILL)

main.__globals__["SharedBackup"] = Killed
main(backup="backup")
"""


def start(*args):
    return subprocess.Popen(
        [sys.executable, SCRIPT, *map(str, args)], stdout=subprocess.PIPE, text=True
    )


def finished(process):
    output, _ = process.communicate(timeout=400)
    assert process.returncode == 0
    return json.loads(output.splitlines()[-1])


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def assert_same(actual, expected):
    for name in ("history", "results"):
        assert actual[name].keys() == expected[name].keys()
        for key, values in expected[name].items():
            np.testing.assert_allclose(actual[name][key], values, rtol=1e-5)
    for name in ("weights", "predicted"):
        for values, others in zip(actual[name], expected[name], strict=True):
            np.testing.assert_allclose(values, others, rtol=1e-7, atol=1e-9)


@pytest.fixture(scope="module")
def one():
    return finished(start("one"))


def test_two_devices(one):
    assert_same(finished(start("mirrored")), one)


def test_two_processes(one):
    ports = free_ports(2)
    workers = [start("worker", index, *ports) for index in range(2)]
    for results in map(finished, workers):
        assert_same(results, {**one, "predicted": []})


def test_a_killed_worker_comes_back(tmp_path):
    def worker(index, *command):
        task = {"type": "worker", "index": index}
        workers = [f"127.0.0.1:{port}" for port in ports]
        config = {"cluster": {"worker": workers}, "task": task}
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=tmp_path,
            env={**os.environ, "TF_CONFIG": json.dumps(config)},
            stdout=subprocess.DEVNULL,
        )

    options = (EXAMPLE, "--backup", "backup", "--save", "two")
    ports = free_ports(2)
    other, killed = worker(0, *options), worker(1, "-c", KILLED, EXAMPLE)
    assert killed.wait(timeout=400) == -signal.SIGKILL
    backup = tmp_path / "backup" / "training_metadata.json"
    while not backup.exists() or not backup.read_text():
        sleep(0.1)
    other.kill()  # would need half a minute to notice
    other.wait()
    assert json.loads(backup.read_text())["epoch"] == 1

    ports = free_ports(2)
    workers = [worker(index, *options) for index in range(2)]
    one = [sys.executable, EXAMPLE, "--save", "one"]
    subprocess.run(one, cwd=tmp_path, stdout=subprocess.DEVNULL, check=True)
    assert [x.wait(timeout=400) for x in workers] == [0, 0]
    expected, actual = (np.load(tmp_path / f"{name}.npz") for name in ("one", "two"))
    assert expected.files == actual.files
    for name in expected.files:
        np.testing.assert_allclose(actual[name], expected[name], rtol=1e-9, atol=1e-9)
