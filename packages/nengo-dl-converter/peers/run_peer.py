"""Lets another framework read and run a NIR graph, or write one.

It runs in an environment of its own, without Nengo::

    python run_peer.py read FRAMEWORK GRAPH.nir INPUTS.npy OUTPUTS.npy DT
    python run_peer.py write FRAMEWORK GRAPH.nir INPUTS.npy OUTPUTS.npy DT

Inputs and outputs are ``(n_items, n_steps, size)``. What is written is a network of
the framework's usual layers with weights drawn at random.
"""

import sys
from pathlib import Path

import nir
import numpy as np
import torch
from torch import nn


def main(job, framework, graph, inputs, outputs, dt):
    torch.manual_seed(0)
    x = torch.as_tensor(np.load(inputs), dtype=torch.float32)
    peer = PEERS[framework]
    if job == "read":
        run = peer.read(nir.read(graph), float(dt), len(x))
    else:
        written, run = peer.write(x, float(dt))
        nir.write(graph, written)
    with torch.no_grad():
        y = torch.stack([run(x[:, step]) for step in range(x.shape[1])], dim=1)
    np.save(outputs, y.numpy())


class SnnTorch:
    """snnTorch, which takes steps of 0.1 ms for granted."""

    @staticmethod
    def read(graph, dt, n_items):
        from snntorch.import_nir import import_from_nir

        return with_state(import_from_nir(graph))

    @staticmethod
    def write(x, dt):
        import snntorch
        from snntorch.export_nir import export_to_nir

        options = {
            "init_hidden": True,
            "reset_mechanism": "zero",
            "reset_delay": False,
        }
        net = nn.Sequential(
            nn.Linear(x.shape[-1], 8),
            snntorch.Leaky(
                beta=0.9 * torch.ones(8), threshold=torch.ones(8), **options
            ),
            nn.Linear(8, 5),
            snntorch.Synaptic(
                alpha=0.5 * torch.ones(5),
                beta=0.8 * torch.ones(5),
                threshold=torch.ones(5),
                **options,
            ),
        )
        written = export_to_nir(net, x[:, 0], ignore_dims=[0])
        for layer in (net[1], net[3]):
            layer.reset_mem()
        return written, net


class Norse:
    """Norse, by the Euler method."""

    @staticmethod
    def read(graph, dt, n_items):
        import norse.torch

        return with_state(norse.torch.from_nir(graph, dt=dt))

    @staticmethod
    def write(x, dt):
        import norse.torch

        def neurons(size):
            parameters = norse.torch.LIFBoxParameters(
                tau_mem_inv=torch.full((size,), 1 / (20 * dt)),
                v_th=torch.full((size,), 0.05),
                v_leak=torch.zeros(size),
                v_reset=torch.zeros(size),
            )
            return norse.torch.LIFBoxCell(parameters, dt=dt)

        net = norse.torch.SequentialState(
            nn.Linear(x.shape[-1], 8), neurons(8), nn.Linear(8, 5), neurons(5)
        )
        return norse.torch.to_nir(net, x[0, 0], dt=dt), with_state(net)


class Sinabs:
    """sinabs, whose neurons count in steps."""

    @staticmethod
    def read(graph, dt, n_items):
        from sinabs.nir import from_nir

        return with_state(from_nir(graph, batch_size=n_items))

    @staticmethod
    def write(x, dt):
        import sinabs.layers
        from sinabs.nir import to_nir

        net = nn.Sequential(
            nn.Linear(x.shape[-1], 8),
            sinabs.layers.IAFSqueeze(batch_size=len(x)),
            nn.Linear(8, 5),
            sinabs.layers.IAFSqueeze(batch_size=len(x)),
        )
        written = to_nir(net, x[:, 0])
        for layer in (net[1], net[3]):
            layer.reset_states()
        return written, net


PEERS = {"snntorch": SnnTorch, "norse": Norse, "sinabs": Sinabs}


def with_state(module):
    """Call a module that takes and gives its state, step by step."""
    state = None

    def run(x):
        nonlocal state
        result = module(x, state)
        if isinstance(result, tuple):
            result, state = result
        return result

    return run


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(Path, sys.argv[3:6]), sys.argv[6])
