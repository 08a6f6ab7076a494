"""Importing does no work."""

import subprocess
import sys

CODE = """
import os, sys, warnings
import keras, nengo, numpy, tensorflow
from tensorflow.python.eager import context

def observed():
    return {
        "environment": dict(os.environ),
        "warnings": list(warnings.filters),
        "printing": numpy.get_printoptions(),
        "random numbers": str(numpy.random.get_state()),
        "Nengo's builders": dict(nengo.builder.Builder.builders),
        "Keras' types": (keras.config.floatx(), keras.config.image_data_format()),
        "devices": context.context()._context_handle,
    }

before = observed()
import nengo_dl_benchmarks
changed = [name for name, value in observed().items() if value != before[name]]
sys.exit(", ".join(changed) or None)
"""


def test_import_touches_nothing():
    command = [sys.executable, "-c", CODE]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
