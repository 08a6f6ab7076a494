"""What has been compiled is kept in a folder, for other processes."""

import os
import subprocess
import sys

import nengo
import pytest
from nengo.exceptions import ConfigError, ValidationError

from nengo_dl_core import configure_settings

RUN = """
import sys
from pathlib import Path
import nengo
import nengo_dl_core

folder, size = sys.argv[1], int(sys.argv[2])
with nengo.Network(seed=0) as net:
    nengo_dl_core.configure_settings(compilation_cache=folder, jit_compile=True)
    ensemble = nengo.Ensemble(size, 1)
    nengo.Connection(nengo.Node([0.5]), ensemble)
    probe = nengo.Probe(ensemble, synapse=0.01)
with nengo_dl_core.Simulator(net, progress_bar=False) as sim:
    sim.run_steps(20)
print(sim.data[probe].tobytes().hex())
"""


def run(folder, size=10, **kwargs):
    command = [sys.executable, "-c", RUN, str(folder), str(size)]
    result = subprocess.run(command, capture_output=True, text=True, **kwargs)
    assert result.returncode == 0, result.stderr
    return result.stdout


def contents(folder):
    return {path: path.stat().st_mtime_ns for path in folder.glob("*/*")}


def test_compiled_loops_are_found_by_other_processes(tmp_path):
    """They are written once, and other networks have files of their own."""
    folder = tmp_path / "with a space"
    values = run(folder)
    first = contents(folder)
    assert len(first) == 1
    assert run("with a space", cwd=tmp_path) == values
    assert contents(folder) == first
    assert run(folder, size=11) != values
    assert len(contents(folder)) == 2
    assert len({*folder.iterdir()}) == 1


def test_it_cannot_be_set_when_tensorflow_has_been_used(tmp_path):
    code = """
import sys
import nengo, nengo_dl_core
import tensorflow as tf
with nengo.Network():
    nengo_dl_core.configure_settings(compilation_cache=sys.argv[1])
    tf.zeros(1)
    nengo_dl_core.configure_settings(compilation_cache=sys.argv[1])  # as before
    try:
        nengo_dl_core.configure_settings(compilation_cache=sys.argv[2], dtype="float64")
    except nengo.exceptions.ConfigError as error:
        assert "before TensorFlow is first used" in str(error)
        assert sys.argv[2] in str(error)
    else:
        raise AssertionError("no error")
    assert nengo_dl_core.get_setting(nengo.Network.context[0], "dtype") is None
"""
    command = [sys.executable, "-c", code, str(tmp_path / "a"), str(tmp_path / "b")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert not (tmp_path / "b").exists()


def test_folders_of_other_versions_and_flags_differ(tmp_path):
    code = """
import os, sys
import nengo, nengo_dl_core
with nengo.Network():
    for i in range(2):
        nengo_dl_core.configure_settings(compilation_cache=sys.argv[1])
        assert os.environ["TF_XLA_FLAGS"].count("cache_directory") == 1
        os.environ["XLA_FLAGS"] = "--xla_cpu_max_isa=AVX2"
    assert os.environ["TF_XLA_FLAGS"].startswith("--tf_xla_min_cluster_size=4 ")
assert "tensorflow" not in sys.modules
"""
    flags = {"TF_XLA_FLAGS": "--tf_xla_min_cluster_size=4", "XLA_FLAGS": ""}
    env = {**os.environ, **flags}
    command = [sys.executable, "-c", code, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, env=env)
    assert result.returncode == 0, result.stderr
    assert len({*tmp_path.iterdir()}) == 2


def test_impossible_folders_are_refused(tmp_path):
    (tmp_path / "file").touch()
    with nengo.Network():
        with pytest.raises(ValidationError, match="must be a folder or None"):
            configure_settings(compilation_cache=5)
        configure_settings(compilation_cache=None)
    code = RUN.split("    ensemble")[0]
    command = [sys.executable, "-c", code, str(tmp_path / "file"), "1"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert f"{ConfigError.__name__}: compilation_cache: cannot make" in result.stderr
