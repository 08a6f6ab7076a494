"""From Nengo to NIR."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import nengo
import numpy as np
import numpy.typing as npt

import nengo_dl_core

from .errors import NIRError
from .export.links import name_of
from .export.network import Written, network_graph
from .export.populations import with_nearest_neurons
from .export.recorded import is_as_imported, recorded_graph
from .export.writing import to_nir_graph
from .importing import ImportedNetwork, from_nir
from .neurons import NIRNeuronType, check_steps


@dataclass(frozen=True)
class Deviation:
    """How far the outputs of a graph are from those of the network it was made of.

    Attributes
    ----------
    root_mean_square, largest : float
        Of the differences, over all items, steps and elements.
    """

    root_mean_square: float
    largest: float


@dataclass(frozen=True)
class ApproximationReport:
    """What was lost on the way to NIR, and how much that matters.

    Attributes
    ----------
    losses : list of (str, str)
        Names of Nengo objects, and what of them NIR cannot say.
    deviations : dict of {nengo.Probe: Deviation}
        Deviations of the outputs, measured on the given inputs; of those only that have
        a value in every step, and empty without inputs.
    """

    losses: list[tuple[str, str]]
    deviations: dict[nengo.Probe, Deviation]

    def __str__(self) -> str:
        lines = [f"{name} loses {loss}" for name, loss in self.losses]
        lines += [
            f"{probe}: differs by {deviation.root_mean_square:.3g} (root mean square), "
            f"{deviation.largest:.3g} at most"
            for probe, deviation in self.deviations.items()
        ]
        return "\n".join(lines) or "nothing is lost"


def to_nir(
    net: nengo.Network,
    dt: float = 0.001,
    discretization: str | None = None,
    dtype: Any = "float64",
    approximate: bool = False,
    inputs: Mapping[nengo.Node, npt.NDArray[Any]] | None = None,
) -> Any:
    """Write a Nengo network as a NIR graph.

    Nodes without input become inputs, by their labels, unless they are constants other
    than zero; probes become outputs. What comes from filters and neurons is what the
    network computes with steps of length ``dt``. A network from `from_nir` is written
    as it was read, with its present weights; parameters that a simulator has trained
    are stored in the network by ``sim.freeze_params(net)``.

    Parameters
    ----------
    net : nengo.Network
        The network. Its ensembles are built anew: give it a seed, or those whose
        parameters are drawn at random are others than in a simulator.
    dt : float
        Length of a step, in seconds. Imported networks have their own.
    discretization : "exact" or "euler", optional
        How the graph will be computed: time constants are chosen so that its steps are
        those of Nengo, which are exact. The default is "exact", or what a part of the
        network was imported with.
    dtype : dtype
        Floating point type of the parameters: what reads the graph may need "float32".
    approximate : bool
        Write the nearest graph where there is no equal one. Decoders are those for the
        neurons that are written.
    inputs : dict of {nengo.Node: ndarray}, optional
        With ``approximate``: values of Nodes, ``(n_items, n_steps, size)``, on which
        the deviation is measured.

    Returns
    -------
    graph : nir.NIRGraph
        The graph, for ``nir.write``.
    report : ApproximationReport
        With ``approximate`` only: what was lost.

    Raises
    ------
    NIRError
        If NIR cannot say what the network computes, or the package ``nir`` is not
        installed.

    Examples
    --------
    >>> import nengo
    >>> import numpy as np
    >>> from nengo_dl_converter import to_nir
    >>> with nengo.Network(seed=0) as net:
    ...     stimulus = nengo.Node([0, 0], label="stimulus")
    ...     ensemble = nengo.Ensemble(
    ...         50, 2, neuron_type=nengo.LIF(tau_ref=0, min_voltage=-np.inf), label="e"
    ...     )
    ...     connection = nengo.Connection(stimulus, ensemble, synapse=None)
    ...     probe = nengo.Probe(ensemble.neurons, label="spikes")
    >>> graph = to_nir(net)
    >>> [name for name in ("stimulus", "e", "spikes") if name in graph.nodes]
    ['stimulus', 'e', 'spikes']
    """
    dt = check_steps(dt, discretization or "exact")
    if np.dtype(dtype).kind != "f":
        raise NIRError(f"dtype must be a floating point type, not {dtype!r}")
    if isinstance(net, ImportedNetwork) and is_as_imported(net):
        if discretization not in (None, net.discretization):
            raise NIRError(
                f"the network was imported with discretization={net.discretization!r}, "
                "and is written as it was read"
            )
        graph = to_nir_graph(recorded_graph(net), net.dt, net.discretization, dtype)
        return (graph, ApproximationReport([], {})) if approximate else graph
    how = _discretization(net, dt, discretization)
    written = network_graph(net, dt, how)
    if written.losses and not approximate:
        name, loss = written.losses[0]
        raise NIRError(
            f"NIR cannot say {loss}; approximate=True writes the nearest graph, and "
            "reports what is lost",
            name,
        )
    graph = written.graph
    if written.losses:
        graph = network_graph(with_nearest_neurons(net), dt, how).graph
    graph = to_nir_graph(graph, dt, how, dtype)
    if not approximate:
        return graph
    deviations = _deviations(net, written, graph, dt, how, inputs) if inputs else {}
    return graph, ApproximationReport(written.losses, deviations)


def _discretization(net: nengo.Network, dt: float, given: str | None) -> str:
    """Say how the graph will be computed: as all neurons that came from NIR."""
    for obj in net.all_ensembles:
        part = obj.neuron_type
        if not isinstance(part, NIRNeuronType):
            continue
        if part.dt != dt:
            raise NIRError(
                f"it was imported from NIR for steps of {part.dt} s, not {dt} s: give "
                f"dt={part.dt}",
                name_of(obj),
            )
        theirs = getattr(part, "discretization", None)
        given = given or theirs
        if theirs not in (None, given):
            raise NIRError(
                f"it was imported from NIR with discretization={theirs!r}, and cannot "
                f"be written for {given!r}",
                name_of(obj),
            )
    return given or "exact"


def _checked(
    inputs: Mapping[nengo.Node, npt.NDArray[Any]], written: Written
) -> dict[nengo.Node, npt.NDArray[Any]]:
    """Check the values on which deviations are measured."""
    checked = {}
    for node, given in inputs.items():
        if not isinstance(node, nengo.Node) or node not in written.names:
            raise NIRError(f"inputs has values for {node!r}, which is no input")
        values = checked[node] = np.asarray(given)
        if values.ndim != 3 or values.shape[-1] != node.size_out:
            raise NIRError(
                f"its values in inputs must have the shape (n_items, n_steps, "
                f"{node.size_out}), not {values.shape}",
                name_of(node),
            )
    if len({values.shape[:2] for values in checked.values()}) > 1:
        raise NIRError("inputs has values with different numbers of items or steps")
    return checked


def _deviations(
    net: nengo.Network,
    written: Written,
    graph: Any,
    dt: float,
    discretization: str,
    inputs: Mapping[nengo.Node, npt.NDArray[Any]],
) -> dict[nengo.Probe, Deviation]:
    """Simulate a network and its graph, and compare."""
    imported = from_nir(graph, dt, discretization)
    inputs = _checked(inputs, written)
    n_items, n_steps, _ = next(iter(inputs.values())).shape
    given = {
        imported.inputs[written.names[node]]: values[..., written.layouts[node].order]
        for node, values in inputs.items()
    }
    outputs = []
    for network, data in ((net, dict(inputs)), (imported.net, given)):
        with nengo_dl_core.Simulator(
            network, dt=dt, minibatch_size=n_items, progress_bar=False
        ) as sim:
            sim.run_steps(n_steps, data=data)
            outputs.append(
                {probe: np.array(sim.data[probe]) for probe in network.all_probes}
            )
    deviations = {}
    for probe, values in outputs[0].items():
        if probe.sample_every is not None:
            continue
        expected = values[..., written.layouts[probe].order]
        expected = expected / written.heights.get(probe, 1.0)
        found = outputs[1][imported.outputs[written.names[probe]]]
        difference = np.abs(found - expected)
        deviations[probe] = Deviation(
            float(np.sqrt(np.mean(difference**2))), float(difference.max())
        )
    return deviations
