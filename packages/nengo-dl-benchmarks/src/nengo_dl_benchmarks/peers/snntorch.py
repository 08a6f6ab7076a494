"""snnTorch: neurons of one step, called in a loop of Python, as in its tutorials."""

from __future__ import annotations

from typing import Any

from . import Job
from .on_torch import Network, convolutions, spiking

NAME = "snnTorch"
DISTRIBUTIONS = ("snntorch", "torch")


def _options() -> dict[str, Any]:
    """Return what neurons are like."""
    from snntorch import surrogate

    return {"beta": 0.95, "spike_grad": surrogate.fast_sigmoid()}


def _layer(job: Job) -> Network:
    import snntorch
    import torch

    n = job.size["n_neurons"]
    linear = torch.nn.Linear(n, n, bias=False)
    if job.size["recurrent"]:
        neurons: Any = snntorch.RLeaky(linear_features=n, **_options())
    else:
        neurons = snntorch.Leaky(**_options())

    def run(x: Any) -> Any:
        state = neurons.reset_mem()
        state = state if job.size["recurrent"] else (state,)
        outputs = []
        for values in x:
            spikes, *state = neurons(linear(values), *state)
            outputs.append(spikes)
        return torch.stack(outputs)

    return torch.nn.ModuleList([linear, neurons]), run


def _convolution(job: Job) -> Network:
    import snntorch
    import torch

    first, second, readout = convolutions(job)
    neurons = [snntorch.Leaky(**_options()) for _ in range(2)]

    def run(x: Any) -> Any:
        a, b = (layer.reset_mem() for layer in neurons)
        outputs = []
        for values in x:
            spikes, a = neurons[0](first(values), a)
            spikes, b = neurons[1](second(spikes), b)
            outputs.append(readout(spikes))
        return torch.stack(outputs)

    return torch.nn.ModuleList([first, second, readout, *neurons]), run


NETWORKS = {
    "spiking_layer": spiking(_layer),
    "spiking_convolution": spiking(_convolution),
}
