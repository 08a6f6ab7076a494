"""Measures a network of snnTorch with NeuroBench.

It runs in an environment of its own, without Nengo::

    python run_neurobench.py LAYERS.json ARRAYS.npz RESULTS.json

The layers are a list of names of `LAYERS` with their arguments, the arrays are their
parameters, ``"0.weight"`` and so on, and the inputs, ``(n_samples, n_steps, *shape)``.
"""

import json
import sys

import numpy as np
import snntorch
import torch
from neurobench.benchmarks import Benchmark
from neurobench.metrics.static import ConnectionSparsity, Footprint, ParameterCount
from neurobench.metrics.workload import (
    ActivationSparsity,
    ActivationSparsityByLayer,
    MembraneUpdates,
    SynapticOperations,
)
from neurobench.models import SNNTorchModel
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

BETA = 0.9


def neurons(type_=snntorch.Leaky, output=False, **kwargs):
    return type_(
        beta=BETA,
        init_hidden=True,
        output=output,
        reset_mechanism="zero",
        reset_delay=False,
        **kwargs,
    )


def recurrent(n_neurons, output=False):
    layer = neurons(snntorch.RLeaky, output, linear_features=n_neurons)

    def state_function(input_):
        # as snnTorch does, which applies the recurrent weights twice in each step
        return (1 - layer.reset) * layer._base_state_function(input_)

    layer.state_function = state_function
    layer.recurrent.bias = None
    return layer


LAYERS = {
    "linear": nn.Linear,
    "convolution": nn.Conv2d,
    "flatten": nn.Flatten,
    "leaky": neurons,
    "recurrent": recurrent,
}


def main(layers, arrays, results):
    with open(layers) as file:
        net = nn.Sequential(
            *(LAYERS[name](*args, **kwargs) for name, args, kwargs in json.load(file))
        )
    values = dict(np.load(arrays))
    inputs = torch.as_tensor(values.pop("inputs").astype(np.float32))
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            parameter.copy_(torch.as_tensor(values.pop(name)))
    assert not values, f"no parameters: {list(values)}"
    static = [ConnectionSparsity, Footprint, ParameterCount]
    workload = [
        ActivationSparsity,
        ActivationSparsityByLayer,
        MembraneUpdates,
        SynapticOperations,
    ]
    buffers = sum(x.numel() * x.element_size() for x in net.buffers())
    loader = DataLoader(TensorDataset(inputs, torch.zeros(len(inputs))), batch_size=3)
    with torch.no_grad():
        benchmark = Benchmark(SNNTorchModel(net), loader, [], [], [static, workload])
        found = benchmark.run(quiet=True)
    with open(results, "w") as file:
        json.dump({**found, "buffers": buffers}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
