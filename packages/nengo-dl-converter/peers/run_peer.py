"""Lets another framework read and run a NIR graph, or write one.

It runs in an environment of its own, without Nengo::

    python run_peer.py read FRAMEWORK GRAPH.nir INPUTS.npy OUTPUTS.npy DT
    python run_peer.py write NETWORK GRAPH.nir INPUTS.npy OUTPUTS.npy DT

Inputs are ``(n_items, n_steps, *shape)``, outputs ``(n_items, n_steps, size)``. What is
written is a network of a framework's usual layers with weights drawn at random.
"""

import sys
from pathlib import Path

import nir
import numpy as np
import torch
from torch import nn


def main(job, peer, graph, inputs, outputs, dt):
    torch.manual_seed(0)
    x = np.load(inputs).astype(np.float32)
    if job == "read":
        run = READERS[peer](nir.read(graph, type_check=False), dt, len(x))
    else:
        written, run = WRITERS[peer](x, dt)
        nir.write(graph, written)
    np.save(outputs, np.reshape(run(x), (*x.shape[:2], -1)))


def step_by_step(module, has_state=False):
    """Run a module of PyTorch; those that have a state take and give it."""

    def run(x):
        state, outputs = None, []
        with torch.no_grad():
            for step in range(x.shape[1]):
                arguments = (state,) if has_state else ()
                result = module(torch.as_tensor(x[:, step]), *arguments)
                if isinstance(result, tuple):
                    result, state = result
                outputs.append(result.reshape(len(x), -1))
        return torch.stack(outputs, dim=1).numpy()

    return run


def snntorch_reads(graph, dt, n_items):
    """Read with snnTorch, which takes steps of 0.1 ms for granted."""
    from snntorch.import_nir import import_from_nir

    return step_by_step(import_from_nir(graph), has_state=True)


def norse_reads(graph, dt, n_items):
    """Read with Norse, which steps by the Euler method."""
    import norse.torch

    return step_by_step(norse.torch.from_nir(graph, dt=dt), has_state=True)


def sinabs_reads(graph, dt, n_items):
    """Read with sinabs, which counts in steps."""
    from sinabs.nir import from_nir

    return step_by_step(from_nir(graph, batch_size=n_items), has_state=True)


def spyx_reads(graph, dt, n_items):
    """Read with Spyx."""
    import spyx.nir

    def run(x):
        _, outputs = spyx.nir.from_nir(graph, x.swapaxes(0, 1), dt=dt)
        return np.swapaxes(outputs, 0, 1)

    return run


def snntorch_writes(x, dt):
    """Write leaky and synaptic neurons with the reset that NIR knows."""
    import snntorch
    from snntorch.export_nir import export_to_nir

    options = {"init_hidden": True, "reset_mechanism": "zero", "reset_delay": False}
    net = nn.Sequential(
        nn.Linear(x.shape[-1], 8),
        snntorch.Leaky(beta=0.9 * torch.ones(8), threshold=torch.ones(8), **options),
        nn.Linear(8, 5),
        snntorch.Synaptic(
            alpha=0.5 * torch.ones(5),
            beta=0.8 * torch.ones(5),
            threshold=torch.ones(5),
            **options,
        ),
    )
    written = export_to_nir(net, torch.as_tensor(x[:, 0]), ignore_dims=[0])
    for layer in (net[1], net[3]):
        layer.reset_mem()
    return written, step_by_step(net)


def snntorch_writes_recurrent(x, dt):
    """Write recurrent neurons with the reset that NIR knows."""
    import snntorch
    from snntorch.export_nir import export_to_nir

    options = {"init_hidden": True, "reset_mechanism": "zero", "reset_delay": False}
    net = nn.Sequential(
        nn.Linear(x.shape[-1], 8),
        snntorch.RLeaky(beta=0.9, linear_features=8, **options),
        nn.Linear(8, 5),
        snntorch.Leaky(beta=0.8 * torch.ones(5), threshold=torch.ones(5), **options),
    )
    nn.init.zeros_(net[1].recurrent.bias)  # which it adds in the first step, too
    written = export_to_nir(net, torch.as_tensor(x[:, 0]), ignore_dims=[0])
    for layer in (net[1], net[3]):
        layer.reset_mem()
    return written, step_by_step(net)


def norse_writes(x, dt):
    """Write leaky neurons, a leaky integrator at the end."""
    import norse.torch

    neurons = norse.torch.LIFBoxParameters(
        tau_mem_inv=torch.full((8,), 1 / (20 * dt)),
        v_th=torch.full((8,), 0.05),
        v_leak=torch.zeros(8),
        v_reset=torch.zeros(8),
    )
    integrator = norse.torch.LIBoxParameters(
        tau_mem_inv=torch.full((5,), 1 / (10 * dt)), v_leak=torch.zeros(5)
    )
    return norse_network(
        x,
        dt,
        norse.torch.LIFBoxCell(neurons, dt=dt),
        norse.torch.LIBoxCell(integrator, dt=dt),
    )


def norse_writes_counting(x, dt):
    """Write integrate-and-fire neurons, which count in steps."""
    import norse.torch

    return norse_network(
        x,
        dt,
        *[
            norse.torch.IAFCell(norse.torch.IAFParameters(v_th=torch.ones(n)), dt=dt)
            for n in (8, 5)
        ],
    )


def norse_network(x, dt, first, second):
    import norse.torch

    layers = [nn.Linear(x.shape[-1], 8), first, nn.Linear(8, 5), second]
    net = norse.torch.SequentialState(*layers)
    written = norse.torch.to_nir(net, torch.as_tensor(x[0, 0]), dt=dt)
    return written, step_by_step(net, has_state=True)


def sinabs_writes(x, dt):
    """Write integrate-and-fire neurons as they usually are."""
    import sinabs.layers

    return sinabs_network(
        x,
        sinabs.layers.IAFSqueeze(batch_size=len(x)),
        sinabs.layers.IAFSqueeze(batch_size=len(x)),
    )


def sinabs_writes_to_zero(x, dt):
    """Write neurons with the reset that NIR knows, and a leaky integrator."""
    import sinabs.activation
    import sinabs.layers

    options = {
        "batch_size": len(x),
        "reset_fn": sinabs.activation.MembraneReset(),
        "spike_fn": sinabs.activation.SingleSpike,
    }
    return sinabs_network(
        x,
        sinabs.layers.IAFSqueeze(**options),
        sinabs.layers.ExpLeakSqueeze(
            tau_mem=torch.full((5,), 10.0), batch_size=len(x), norm_input=True
        ),
    )


def sinabs_network(x, first, second):
    from sinabs.nir import to_nir

    net = nn.Sequential(nn.Linear(x.shape[-1], 8), first, nn.Linear(8, 5), second)
    written = to_nir(net, torch.as_tensor(x[:, 0]))
    for layer in (first, second):
        layer.reset_states()
    return written, step_by_step(net)


def spyx_writes(x, dt):
    """Write neurons that are not reset."""
    import spyx.nn

    return spyx_network(x, dt, spyx.nn.PSU_LIF, 8, 5)


def spyx_writes_leaky(x, dt):
    """Write one layer of leaky neurons as they usually are."""
    import spyx.nn

    return spyx_network(x, dt, spyx.nn.LIF, 8)


def spyx_network(x, dt, neurons, *sizes):
    import spyx.nir
    import spyx.nn
    from flax import nnx

    rngs, layers, size_in = nnx.Rngs(0), [], x.shape[-1]
    for size in sizes:
        layers.append(nnx.Linear(size_in, size, rngs=rngs))
        layers.append(neurons((size,), threshold=0.5, rngs=rngs))
        size_in = size
    net = spyx.nn.Sequential(*layers)
    shapes = {"input": np.array([x.shape[-1]])}, {"output": np.array([size_in])}
    written = spyx.nir.to_nir(net, *shapes, dt=dt)
    return written, lambda x: spyx.nn.run(net, x, batch_major=True)[0]


READERS = {
    "snntorch": snntorch_reads,
    "norse": norse_reads,
    "sinabs": sinabs_reads,
    "spyx": spyx_reads,
}
WRITERS = {
    "snntorch": snntorch_writes,
    "snntorch recurrent": snntorch_writes_recurrent,
    "norse": norse_writes,
    "norse counting": norse_writes_counting,
    "sinabs": sinabs_writes,
    "sinabs to zero": sinabs_writes_to_zero,
    "spyx": spyx_writes,
    "spyx leaky": spyx_writes_leaky,
}

if __name__ == "__main__":
    main(*sys.argv[1:3], *map(Path, sys.argv[3:6]), float(sys.argv[6]))
