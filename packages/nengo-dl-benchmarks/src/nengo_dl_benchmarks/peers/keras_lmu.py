"""Keras-LMU: its layer for a memory that nothing feeds back into, or its cell.

The layer (``LMUFeedforward``) computes the memory of all steps by Fourier transforms;
the cell (``LMUCell``) is a step of a Keras RNN. Weights start from one seed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import Job, Work

NAME = "Keras-LMU"
DISTRIBUTIONS = ("keras-lmu", "keras", "tensorflow")


def _legendre_memory(job: Job) -> Callable[[], Work]:
    import keras
    import keras_lmu

    rng = np.random.default_rng(0)
    shape = (job.batch_size, job.n_steps)
    x = rng.random((*shape, 1), dtype=np.float32)
    y = np.zeros((*shape, job.size["outputs"]), np.float32)

    def made() -> Work:
        keras.utils.set_random_seed(0)
        model = _model(keras, keras_lmu, job)
        # What is learned must not change what the next run computes
        model.compile(keras.optimizers.SGD(1e-9), "mse")
        options = {"batch_size": job.batch_size, "verbose": 0}
        return Work(
            lambda: model.predict(x, **options), lambda: model.fit(x, y, **options)
        )

    return made


def _model(keras: Any, keras_lmu: Any, job: Job) -> Any:
    units = job.size["units"]
    if job.size["recurrent"]:
        hidden = keras.layers.SimpleRNNCell(units, use_bias=False)
    else:
        hidden = keras.layers.Dense(units, activation="tanh", use_bias=False)
    options = {
        "memory_d": 1,
        "order": job.size["order"],
        "theta": job.size["theta"],
        "hidden_cell": hidden,
        "input_to_hidden": True,
        "kernel_initializer": "ones",  # the memory takes the input as it is
    }
    if job.way == "cell":
        cell = keras_lmu.LMUCell(**options)
        unit = keras.layers.RNN(cell, return_sequences=True)
    else:
        unit = keras_lmu.LMUFeedforward(
            **options, conv_mode=job.way, return_sequences=True
        )
    readout = keras.layers.Dense(job.size["outputs"], use_bias=False)
    return keras.Sequential([keras.Input((job.n_steps, 1)), unit, readout])


NETWORKS = {"legendre_memory": _legendre_memory}
