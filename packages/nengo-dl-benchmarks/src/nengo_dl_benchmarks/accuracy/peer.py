"""Train the layers of a task in snnTorch, as its tutorials do.

Run as a script, by any interpreter that has snnTorch, which needs neither Nengo nor
this package: ``python peer.py JOB.json SAMPLES.npz``. The job has the numbers of
neurons in the hidden ``layers``, whether they are ``recurrent``, and ``epochs``,
``minibatch_size`` and ``seed``. A line on the standard output tells ``accuracy`` and
``seconds`` of the training, as JSON.

The settings are those of snnTorch's tutorial 5, "Training spiking neural networks with
snnTorch": leaky neurons with ``beta=0.95``, its standard surrogate, a linear layer
before each, Adam with a learning rate of 5e-4, the sum over all steps of the cross
entropy of the last layer's membrane potentials as loss, and the class that spikes most
as answer. Recurrent layers are snnTorch's ``RLeaky`` with the same settings. PyTorch
computes in one thread, which is several times as fast as in two for layers this small.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np

BETA = 0.95


def main(job: dict[str, Any], samples: dict[str, Any]) -> dict[str, float]:
    """Train and test a network.

    Parameters
    ----------
    job : dict
        What the module's description says.
    samples : dict
        The arrays ``train_x``, ``train_y``, ``test_x`` and ``test_y``, as of `Samples`.

    Returns
    -------
    found : dict
        ``accuracy`` and ``seconds``.
    """
    import snntorch
    import torch
    from torch import nn

    torch.manual_seed(job["seed"])
    # In products of this size threads wait for each other for longer than they compute.
    torch.set_num_threads(1)
    sizes = [samples["train_x"].shape[2], *job["layers"], job["n_classes"]]
    linear = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(sizes))
    neurons = nn.ModuleList(
        snntorch.RLeaky(BETA, linear_features=size)
        if job["recurrent"] and number < len(job["layers"])
        else snntorch.Leaky(BETA)
        for number, size in enumerate(sizes[1:])
    )

    def run(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Spikes and potentials of the last layer, ``(n_steps, n, n_classes)``."""
        states = [
            layer.reset_mem()
            if isinstance(layer, snntorch.RLeaky)
            # The state of others is the potential alone.
            else (layer.reset_mem(),)
            for layer in neurons
        ]
        spikes, potentials = [], []
        for values in x.unbind(1):
            for number, (weights, layer) in enumerate(
                zip(linear, neurons, strict=True)
            ):
                values, *states[number] = layer(weights(values), *states[number])
            spikes.append(values)
            potentials.append(states[-1][-1])
        return torch.stack(spikes), torch.stack(potentials)

    modules = nn.ModuleList([linear, neurons])
    optimizer = torch.optim.Adam(modules.parameters(), lr=5e-4, betas=(0.9, 0.999))
    loss = nn.CrossEntropyLoss()
    x, y = torch.as_tensor(samples["train_x"]), torch.as_tensor(samples["train_y"])
    start = perf_counter()
    for _ in range(job["epochs"]):
        for rows in torch.randperm(len(x)).split(job["minibatch_size"]):
            _, potentials = run(x[rows])
            optimizer.zero_grad()
            sum(loss(values, y[rows]) for values in potentials).backward()
            optimizer.step()
    seconds = perf_counter() - start
    with torch.no_grad():
        spikes, _ = run(torch.as_tensor(samples["test_x"]))
    guesses = spikes.sum(0).argmax(1).numpy()
    accuracy = float(np.mean(guesses == samples["test_y"]))
    return {"accuracy": accuracy, "seconds": seconds}


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        print(json.dumps(main(json.load(file), dict(np.load(sys.argv[2])))))
