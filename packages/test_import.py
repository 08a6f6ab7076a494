"""Importing a package does no work, and neither does importing all that is in it."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

# What each package needs, which may do anything when it is imported.
NEEDED = {
    "nengo_dl_optimizer": "nengo, numpy",
    "nengo_dl_core": "keras, nengo, numpy, tensorflow",
    "nengo_dl_converter": "keras, nengo, numpy, tensorflow",
    "nengo_dl_benchmarks": "keras, nengo, numpy, tensorflow",
}
CODE = """
import os, sys, warnings
import {needed}

def observed():
    values = {{
        "environment": dict(os.environ),
        "warnings": list(warnings.filters),
        "printing": numpy.get_printoptions(),
        "random numbers": str(numpy.random.get_state()),
        "Nengo's builders": dict(nengo.builder.Builder.builders),
        "loaded TensorFlow": {{"keras", "tensorflow"}} & {{*sys.modules}},
    }}
    if "tensorflow" in sys.modules:
        from tensorflow.python.eager import context
        values["devices"] = context.context()._context_handle
        config = keras.config
        values["Keras' types"] = config.floatx(), config.image_data_format()
    return values

before = observed()
import {package}
[getattr({package}, name) for name in {package}.__all__]
changed = [name for name, value in observed().items() if value != before[name]]
sys.exit(", ".join(changed) or None)
"""


DESCRIBED = """
import sys
import nengo, numpy
import nengo_dl, nengo_dl_core
with nengo.Network() as net:
    nengo_dl.configure_settings(spike_gradient="arctan", trainable=True)
    nengo_dl.configure_settings(session_config={"allow_soft_placement": True})
    ensemble = nengo.Ensemble(10, 1, neuron_type=nengo_dl.SoftLIFRate())
    nengo.Connection(ensemble, ensemble, transform=nengo_dl_core.dists.Glorot())
    nengo.Connection(ensemble, ensemble, transform=nengo_dl.dists.He())
    net.config[ensemble].trainable = False
sys.exit(", ".join({"keras", "tensorflow"} & {*sys.modules}) or None)
"""


@pytest.mark.skipif(find_spec("nengo_dl") is None, reason="needs nengo-dl-core")
def test_networks_are_described_without_tensorflow():
    command = [sys.executable, "-c", DESCRIBED]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("package", [name for name in NEEDED if find_spec(name)])
def test_import_touches_nothing(package):
    code = CODE.format(needed=NEEDED[package], package=package)
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
