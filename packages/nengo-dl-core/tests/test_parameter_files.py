"""Files of parameters: written whole or not at all, and read with care."""

import collections
import os
import random
import stat
import subprocess
import sys
import threading

import nengo
import numpy as np
import pytest
from nengo.exceptions import ValidationError

from nengo_dl_core import Simulator
from nengo_dl_core.values.files import load_arrays, save_arrays

ARRAYS = {"a": np.arange(6.0).reshape(2, 3), "networks[0:x/y].bias": np.ones(4)}


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "parameters.npz"
    save_arrays(path, ARRAYS)
    return path


def assert_holds(path, arrays=ARRAYS):
    loaded = load_arrays(path)
    assert list(loaded) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)


class TestNames:
    def test_the_suffix_may_be_missing(self, tmp_path):
        save_arrays(tmp_path / "x", ARRAYS)
        assert [file.name for file in tmp_path.iterdir()] == ["x.npz"]
        assert_holds(tmp_path / "x")
        assert_holds(str(tmp_path / "x.npz"))

    def test_a_file_without_suffix_is_found(self, path):
        assert_holds(path.rename(path.with_suffix("")))

    def test_no_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="nothing"):
            load_arrays(tmp_path / "nothing")


class TestRightsAndLinks:
    @pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
    def test_a_new_file_has_those_of_the_process(self, tmp_path, mask):
        before = os.umask(mask)
        try:
            save_arrays(tmp_path / "new", ARRAYS)
        finally:
            os.umask(before)
        assert mode(tmp_path / "new.npz") == 0o666 & ~mask

    def test_an_old_file_keeps_its_own(self, path):
        path.chmod(0o640)
        save_arrays(path, {"b": np.zeros(2)})
        assert mode(path) == 0o640
        assert_holds(path, {"b": np.zeros(2)})

    @pytest.mark.parametrize("exists", [True, False])
    def test_a_link_stays_a_link(self, tmp_path, exists):
        (tmp_path / "elsewhere").mkdir()
        target = tmp_path / "elsewhere" / "target.npz"
        if exists:
            target.touch()
        link = tmp_path / "link.npz"
        link.symlink_to(target)
        save_arrays(link, ARRAYS)
        assert link.is_symlink()
        assert_holds(target)

    def test_a_pipe_stays_a_pipe(self, tmp_path):
        pipe, copy = tmp_path / "pipe.npz", tmp_path / "copy.npz"
        os.mkfifo(pipe)
        reader = threading.Thread(target=lambda: copy.write_bytes(pipe.read_bytes()))
        reader.start()
        save_arrays(pipe, ARRAYS)
        reader.join()
        assert stat.S_ISFIFO(pipe.stat().st_mode)
        assert_holds(copy)


class TestDamage:
    def test_every_damage_is_an_error_that_names_the_file(self, path):
        """A file that was cut or has wrong bytes is good, or is refused by name."""
        good, rng = path.read_bytes(), random.Random(0)
        refused = collections.Counter()
        for _ in range(500):
            damaged = bytearray(good)
            if rng.random() < 0.2:
                del damaged[rng.randrange(len(damaged)) :]
            for _ in range(rng.choice((1, 2, 8)) if damaged else 0):
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
            path.write_bytes(damaged)
            try:
                loaded = load_arrays(path)
            except ValidationError as error:
                kind = type(error.__cause__) if str(path) in str(error) else "unnamed"
                refused[kind] += 1
            else:  # the values have checksums, the names have not
                for old, new in zip(ARRAYS.values(), loaded.values(), strict=False):
                    np.testing.assert_array_equal(old, new)
        assert len(refused) >= 4
        assert "unnamed" not in refused

    def test_text(self, path):
        path.write_text("text")
        with pytest.raises(ValidationError, match="damaged, or no file of parameters"):
            load_arrays(path)

    @pytest.mark.parametrize("value", [{}, 1j, "x"])
    def test_no_numbers(self, path, value):
        np.savez(path, x=np.array([value]))
        with pytest.raises(ValidationError, match="no file of parameters"):
            load_arrays(path)

    def test_a_simulator_that_is_given_a_damaged_file_stays_as_it_is(self, path):
        with nengo.Network(seed=0) as net:
            ens = nengo.Ensemble(5, 1)
        path.write_bytes(path.read_bytes()[:-9])
        with Simulator(net, progress_bar=False) as sim:
            before = sim.data[ens].bias
            with pytest.raises(ValidationError, match=str(path)):
                sim.load_params(path)
            np.testing.assert_array_equal(sim.data[ens].bias, before)


def test_a_disk_that_is_full_leaves_the_old_file_whole(path, monkeypatch):
    old = path.read_bytes()

    def fail(file):
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        save_arrays(path, {"x": np.zeros(1000)})
    assert path.read_bytes() == old
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "call",
    ["os.fsync", "pathlib.Path.replace", "nengo_dl_core.values.files.write_array"],
)
def test_a_killed_process_leaves_the_old_file_whole(path, call):
    """The process is killed when it comes to one of the steps of saving."""
    old = path.read_bytes()
    code = f"""
import os, signal, unittest.mock
import numpy as np
from nengo_dl_core.values.files import save_arrays
def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
with unittest.mock.patch({call!r}, die):
    save_arrays({str(path)!r}, {{"x": np.zeros(1000)}})
"""
    result = subprocess.run([sys.executable, "-c", code], check=False)
    assert result.returncode == -9
    assert path.read_bytes() == old
