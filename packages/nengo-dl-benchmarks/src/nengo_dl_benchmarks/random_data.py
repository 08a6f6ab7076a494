"""Random values for the inputs and probes of a network."""

from __future__ import annotations

from typing import Any

import nengo
import numpy as np

from nengo_dl_benchmarks.peers.inputs import spikes


def random_inputs(
    net: nengo.Network, batch_size: int, n_steps: int
) -> dict[nengo.Node, Any]:
    """Make values for the input Nodes of a network.

    Parameters
    ----------
    net : nengo.Network
        The network.
    batch_size : int
        Number of inputs.
    n_steps : int
        Number of steps.

    Returns
    -------
    values : dict of nengo.Node to ndarray
        For each Node without input an array ``(batch_size, n_steps, size_out)``:
        spikes, if the network says that it is to have them (``net.spiking_inputs``).
    """
    rng = np.random.default_rng(0)
    spiking = getattr(net, "spiking_inputs", False)
    return {
        node: spikes(batch_size, n_steps, node.size_out)
        if spiking
        else rng.uniform(-1, 1, size=(batch_size, n_steps, node.size_out))
        for node in net.all_nodes
        if node.size_in == 0
    }


def random_targets(
    net: nengo.Network, batch_size: int, n_steps: int
) -> dict[nengo.Probe, Any]:
    """Make values for the probes of a network to be trained towards.

    Parameters
    ----------
    net : nengo.Network
        The network.
    batch_size : int
        Number of inputs.
    n_steps : int
        Number of steps.

    Returns
    -------
    values : dict of nengo.Probe to ndarray
        For each probe an array ``(batch_size, n_steps, size_in)``.
    """
    rng = np.random.default_rng(1)
    return {
        probe: rng.uniform(-1, 1, size=(batch_size, n_steps, probe.size_in))
        for probe in net.all_probes
    }
