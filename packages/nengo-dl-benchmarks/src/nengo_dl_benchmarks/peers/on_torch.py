"""What the frameworks have in common that are made of PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from . import Job, Work
from .inputs import spikes

Network = tuple[Any, Callable[[Any], Any]]  # a module, and what runs it on inputs


def spiking(build: Callable[[Job], Network]) -> Callable[[Job], Callable[[], Work]]:
    """Let a network be measured on spikes.

    Parameters
    ----------
    build : callable
        Imports the framework and builds the network: returns a module, and a function
        from spikes ``(n_steps, batch_size, *shape)`` to outputs of all steps. Sizes of
        images are ``(1, image_size, image_size)``.
    """

    def prepare(job: Job) -> Callable[[], Work]:
        import torch

        build(job)  # imports all; what is built is thrown away
        shape = input_shape(job)
        values = spikes(job.batch_size, job.n_steps, prod(shape))
        x = torch.as_tensor(
            np.ascontiguousarray(values.swapaxes(0, 1)).reshape(
                (job.n_steps, job.batch_size, *shape)
            )
        )

        def made() -> Work:
            torch.manual_seed(0)
            module, run = build(job)

            def forward() -> None:
                with torch.no_grad():
                    run(x)

            def train() -> None:
                module.zero_grad()
                (run(x) ** 2).mean().backward()

            return Work(forward, train)

        return made

    return prepare


def input_shape(job: Job) -> tuple[int, ...]:
    """Return the shape of the input of one step."""
    if "image_size" in job.size:
        return (1, job.size["image_size"], job.size["image_size"])
    return (job.size["n_neurons"],)


def convolutions(job: Job) -> list[Any]:
    """Make the layers of weights of the convolutional network.

    Parameters
    ----------
    job : Job
        Its size.

    Returns
    -------
    layers : list of torch.nn.Module
        Two convolutions and the readout.
    """
    from torch import nn

    n = job.size["n_filters"]
    width = ((job.size["image_size"] - 2) - 3) // 2 + 1  # without padding
    return [
        nn.Conv2d(1, n, 3, bias=False),
        nn.Conv2d(n, 2 * n, 3, stride=2, bias=False),
        nn.Sequential(nn.Flatten(), nn.Linear(2 * n * width**2, 10, bias=False)),
    ]
