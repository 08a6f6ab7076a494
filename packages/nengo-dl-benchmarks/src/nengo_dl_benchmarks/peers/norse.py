"""Norse: its layers of all steps; what has no state is lifted to them."""

from __future__ import annotations

from typing import Any

from . import Job
from .on_torch import Network, convolutions, spiking

NAME = "Norse"
DISTRIBUTIONS = ("norse", "torch")


def _layer(job: Job) -> Network:
    import norse.torch
    import torch

    n = job.size["n_neurons"]
    if job.size["recurrent"]:  # has weights of its input, too
        return _sequence([norse.torch.LIFRecurrent(n, n)])
    return _sequence([torch.nn.Linear(n, n, bias=False), norse.torch.LIF()])


def _convolution(job: Job) -> Network:
    from norse.torch import LIF, Lift

    first, second, readout = (Lift(module) for module in convolutions(job))
    return _sequence([first, LIF(), second, LIF(), readout])


def _sequence(modules: list[Any]) -> Network:
    import norse.torch

    network = norse.torch.SequentialState(*modules)
    return network, lambda x: network(x)[0]


NETWORKS = {
    "spiking_layer": spiking(_layer),
    "spiking_convolution": spiking(_convolution),
}
