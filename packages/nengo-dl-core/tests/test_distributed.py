"""Training on two devices, or in two processes, gives the same as on one."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("distributed_training.py")


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
