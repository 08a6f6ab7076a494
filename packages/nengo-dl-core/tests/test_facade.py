"""The package nengo_dl: documented paths, and what lies in other distributions."""

import os
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
import tensorflow as tf

import nengo_dl
from nengo_dl.signals import SignalDict


def test_documented_release_beside_it_is_refused(tmp_path):
    info = tmp_path / "nengo_dl-3.6.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: nengo-dl\nVersion: 3.6.0\n"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    result = subprocess.run(
        [sys.executable, "-c", "import nengo_dl"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert "ImportError: nengo-dl 3.6.0 is installed beside" in result.stderr
    assert "pip uninstall nengo-dl nengo-dl-core" in result.stderr


@pytest.mark.parametrize(
    ("name", "distribution"),
    [
        ("Converter", "nengo-dl-converter"),
        ("converter", "nengo-dl-converter"),
        ("benchmarks", "nengo-dl-benchmarks"),
    ],
)
def test_missing_distribution_is_named_with_the_way_to_install_it(
    name, distribution, monkeypatch
):
    monkeypatch.setitem(sys.modules, distribution.replace("-", "_"), None)
    for module in ("converter", "benchmarks"):
        monkeypatch.delitem(sys.modules, f"nengo_dl.{module}", raising=False)
        monkeypatch.delitem(vars(nengo_dl), module, raising=False)
    with pytest.raises(ModuleNotFoundError, match=f"pip install {distribution}"):
        getattr(nengo_dl, name)


def test_error_inside_another_distribution_is_not_taken_for_its_absence(
    tmp_path, monkeypatch
):
    (tmp_path / "nengo_dl_converter.py").write_text("import no_such_module")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "nengo_dl_converter", raising=False)
    monkeypatch.delitem(sys.modules, "nengo_dl.converter", raising=False)
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        import_module("nengo_dl.converter")


def test_importing_the_facade_leaves_other_distributions_alone():
    code = (
        "import sys, nengo_dl; "
        "sys.exit(bool({'nengo_dl_converter', 'nengo_dl_benchmarks'} & {*sys.modules}))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


FIRST_USES = """
import sys
import {package} as package
assert "tensorflow" not in sys.modules
for name in package.__all__:
    assert name in dir(package), name
    found = getattr(package, name)
    assert getattr(found, "__name__", name).split(".")[-1] == name
    assert getattr(package, name) is found
assert "tensorflow" in sys.modules
"""

BUILDERS = """
from nengo_dl.builder import Builder, NengoBuilder
first = {*Builder.builders}, {*NengoBuilder.builders}
import nengo_dl
for name in nengo_dl.__all__:
    getattr(nengo_dl, name)
assert first == ({*Builder.builders}, {*NengoBuilder.builders})
"""


@pytest.mark.parametrize("package", ["nengo_dl", "nengo_dl_core"])
def test_every_name_is_there_at_its_first_use(package):
    code = FIRST_USES.format(package=package)
    subprocess.run([sys.executable, "-c", code], check=True)


def test_all_builders_are_there_with_the_first_name_that_needs_any():
    subprocess.run([sys.executable, "-c", BUILDERS], check=True)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'nengo_dl' has no attribute 'nothing'"):
        nengo_dl.nothing  # noqa: B018


def test_what_only_the_documented_signals_have():
    signals = SignalDict("float32", 2)
    value = tf.reshape(tf.range(20.0), (2, 10))
    signals.extend("base", value, 10)
    sig = signals.get_tensor_signal([(0, 10)], "base", "float32", (10,), True)
    np.testing.assert_array_equal(sig.tf_shape, [2, 10])
    assert signals.gather(sig) is value
    copy = signals.gather(sig, force_copy=True)
    assert copy is not value
    np.testing.assert_array_equal(copy, value)
    for part, expected in [(sig[2:5], [2, 3, 4]), (sig[::3], [0, 3, 6, 9])]:
        start, stop, stride = part.tf_slice
        np.testing.assert_array_equal(
            tf.strided_slice(value[0], start, stop, stride), expected
        )
    assert signals.combine([sig[5:7], sig[:1]]).tf_slice is None
