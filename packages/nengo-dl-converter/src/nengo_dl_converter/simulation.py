"""Runs of a converted network on the inputs of its Keras model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import nengo
import numpy as np
from nengo.base import NengoObject

import nengo_dl_core

from .converted_model import ConvertedModel
from .keras_graph import input_arrays


def inputs_or_ones(model: keras.Model, inputs: Any, n_steps: int) -> list[Any]:
    """Return a list of the model's inputs; ones, in a batch of 2, if none are given."""
    if inputs is not None:
        return input_arrays(model, inputs)
    return [
        np.ones([2, *(n_steps if n is None else n for n in tensor.shape[1:])])
        for tensor in model.inputs
    ]


def as_data(
    converted: ConvertedModel, inputs: Sequence[Any], n_steps: int
) -> dict[nengo.Node, np.ndarray]:
    """Arrange inputs of the Keras model as data of the input Nodes.

    Parameters
    ----------
    converted : ConvertedModel
        The model and its network.
    inputs : sequence of array_like
        Values of the model's inputs, ``(batch_size, ...)``, or ``(batch_size, n_steps,
        ...)`` in a temporal model.
    n_steps : int
        How many steps each value is presented for, if the model is not temporal.

    Returns
    -------
    data : dict of {nengo.Node: numpy.ndarray}
        Shapes ``(batch_size, n_steps, size)``.
    """
    data = {}
    for tensor, value in zip(converted.model.inputs, inputs, strict=True):
        node = converted.inputs[tensor]
        flat = np.reshape(value, (len(value), -1, node.size_out))
        repeats = 1 if converted.temporal else n_steps
        data[node] = np.tile(flat, (1, repeats, 1))
    return data


@contextmanager
def probed(
    network: nengo.Network, objs: Sequence[NengoObject]
) -> Iterator[list[nengo.Probe]]:
    """Add unfiltered Probes to objects of a network, and remove them at the end."""
    before = list(network.probes)
    try:
        with network:
            yield [nengo.Probe(obj) for obj in objs]
    finally:
        network.probes[:] = before


def simulate(
    network: nengo.Network,
    data: Mapping[nengo.Node, np.ndarray],
    probes: Sequence[nengo.Probe],
    targets: Mapping[nengo.Probe, np.ndarray] | None = None,
    *,
    learning_rate: float = 0.01,
    epochs: int = 10,
) -> list[np.ndarray]:
    """Run a network, after training it if there are targets.

    Parameters
    ----------
    network : nengo.Network
        The network.
    data : mapping of {nengo.Node: numpy.ndarray}
        Values of the input Nodes, from `as_data`.
    probes : sequence of nengo.Probe
        The Probes to record.
    targets : mapping of {nengo.Probe: numpy.ndarray}, optional
        Targets of training by gradient descent, shape ``(batch_size, ...)``.
    learning_rate : float
        Size of a step of the training.
    epochs : int
        Number of steps of the training.

    Returns
    -------
    recorded : list of numpy.ndarray
        Data of the Probes, ``(batch_size, n_steps, size)``.
    """
    batch_size, n_steps, _ = next(iter(data.values())).shape
    with nengo_dl_core.Simulator(
        network, minibatch_size=batch_size, progress_bar=False
    ) as sim:
        if targets is not None:
            sim.compile(
                keras.optimizers.SGD(learning_rate), loss=dict.fromkeys(targets, "mse")
            )
            wanted = {
                probe: target.reshape(batch_size, n_steps, -1)
                for probe, target in targets.items()
            }
            sim.fit(data, wanted, epochs=epochs, verbose=0)
        sim.run_steps(n_steps, data=data)
        return [np.asarray(sim.data[probe]) for probe in probes]
