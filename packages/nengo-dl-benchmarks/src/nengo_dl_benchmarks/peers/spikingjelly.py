"""SpikingJelly: layers of all steps (``step_mode="m"``), as it recommends for speed."""

from __future__ import annotations

from typing import Any

from . import Job
from .on_torch import Network, convolutions, spiking

NAME = "SpikingJelly"
DISTRIBUTIONS = ("spikingjelly", "torch")


def _layer(job: Job) -> Network:
    import torch
    from spikingjelly.activation_based import layer

    n = job.size["n_neurons"]
    neurons = _neurons()
    if job.size["recurrent"]:
        neurons = layer.LinearRecurrentContainer(neurons, n, n, bias=False)
    return _multi_step([torch.nn.Linear(n, n, bias=False), neurons])


def _convolution(job: Job) -> Network:
    from spikingjelly.activation_based import layer

    first, second, readout = (
        # minibatch and steps are one axis for what has no state
        layer.SeqToANNContainer(module)
        for module in convolutions(job)
    )
    return _multi_step([first, _neurons(), second, _neurons(), readout])


def _neurons() -> Any:
    from spikingjelly.activation_based import neuron, surrogate

    # v = v - v / tau + x
    return neuron.LIFNode(
        tau=20.0, decay_input=False, surrogate_function=surrogate.Sigmoid()
    )


def _multi_step(modules: list[Any]) -> Network:
    import torch
    from spikingjelly.activation_based import functional

    network = torch.nn.Sequential(*modules)
    functional.set_step_mode(network, "m")

    def run(x: Any) -> Any:
        functional.reset_net(network)
        return network(x)

    return network, run


NETWORKS = {
    "spiking_layer": spiking(_layer),
    "spiking_convolution": spiking(_convolution),
}
