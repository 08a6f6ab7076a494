"""Importing does no work."""

import subprocess
import sys


def test_import_touches_nothing():
    code = """
import os, sys
before = dict(os.environ)
import nengo, numpy, keras, tensorflow as tf
from tensorflow.python.eager import context
filters, printing = None, numpy.get_printoptions()
registered = dict(nengo.builder.Builder.builders)
settings = keras.config.floatx(), keras.config.image_data_format()
import nengo_dl_core
assert dict(os.environ) == before, "environment"
assert context.context()._context_handle is None, "devices were initialised"
assert numpy.get_printoptions() == printing
assert nengo.builder.Builder.builders == registered, "Nengo's builders"
assert (keras.config.floatx(), keras.config.image_data_format()) == settings
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
