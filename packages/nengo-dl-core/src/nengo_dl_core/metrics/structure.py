"""Finds in a built model what is counted, and what is not."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import nengo
from nengo.builder import Model
from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import (
    Copy,
    ElementwiseInc,
    Operator,
    Reset,
    SimPyFunc,
    TimeUpdate,
)
from nengo.builder.probe import SimProbe
from nengo.builder.processes import SimProcess
from nengo.builder.signal import Signal

from nengo_dl_core.metrics.footprint import unused_encoders
from nengo_dl_core.metrics.reach import Mask, reached_elements
from nengo_dl_core.metrics.weightings import WEIGHTINGS, weights_of
from nengo_dl_core.network.names import free_name
from nengo_dl_core.network.owners import Owners
from nengo_dl_core.network.trainability import learning_rules
from nengo_dl_optimizer import OperatorGraph

_FREE = (Copy, ElementwiseInc, Reset, SimNeurons, SimProbe, TimeUpdate)
"""Operators that are no synaptic operations."""


@dataclass(frozen=True, eq=False)
class AppliedWeights:
    """An operator that multiplies an input with weights.

    Parameters
    ----------
    name : str
        What the weights belong to.
    op : nengo.builder.Operator
        The operator, of a type in `WEIGHTINGS`.
    learned : bool
        Whether a learning rule changes the weights.
    reached : (size_in,) ndarray of bool
        Which elements of the input can be other than zero.
    """

    name: str
    op: Any
    learned: bool
    reached: Mask


@dataclass(frozen=True, eq=False)
class Population:
    """The neurons of an ensemble.

    Parameters
    ----------
    name : str
        Name of the ensemble.
    op : nengo.builder.neurons.SimNeurons
        The operator that updates them.
    """

    name: str
    op: SimNeurons

    @property
    def voltage(self) -> Signal | None:
        """Their membrane voltage, if they have one."""
        return self.op.state.get("voltage")


@dataclass(frozen=True, eq=False)
class Structure:
    """What is counted in a model.

    Parameters
    ----------
    weights : list of AppliedWeights
        Where inputs are multiplied by weights.
    populations : list of Population
        The neurons.
    not_counted : list of str
        What is neither, and no filter of a synapse.
    """

    weights: list[AppliedWeights]
    populations: list[Population]
    not_counted: list[str]


def find_structure(
    model: Model, constants: Collection[Signal], learned: Collection[Signal]
) -> Structure:
    """Find what is counted in a model, in the order in which Nengo built it.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model of a network.
    constants : set of nengo.builder.Signal
        Outputs of Nodes that never change. Their products with weights are biases.
    learned : set of nengo.builder.Signal
        Weights that learning rules change.

    Returns
    -------
    structure : Structure
        Weights, neurons, and what is not counted.
    """
    names = _names(model)
    owners = Owners(model, OperatorGraph(model.operators))
    belonging = _weight_owners(model)
    of_output = {op.output: op for op in model.operators if type(op) is SimNeurons}
    populations, direct = [], []
    for ens in model.toplevel.all_ensembles:
        op = of_output.get(model.sig[ens.neurons].get("out"))
        if op is not None:
            populations.append(Population(names[ens], op))
        elif isinstance(ens.neuron_type, nengo.Direct):
            direct.append(f"{names[ens]}: Direct, without neurons")
    weights, others = [], []
    reached, unused = reached_elements(model), unused_encoders(model)
    for op in model.operators:
        if type(op) in WEIGHTINGS:
            base = weights_of(op).base
            owner = belonging.get((base, op.Y.base)) or belonging.get((base, None))
            if op.X.base in constants or base in unused:
                continue
            if owner is not None and op.X.ndim == 1 and weights_of(op).ndim > 0:
                of = " (encoders)" * isinstance(owner, nengo.Ensemble)
                if (mask := reached(op.X)).any():
                    name = names[owner] + of
                    weights.append(AppliedWeights(name, op, base in learned, mask))
                continue
        elif _is_free(op):
            continue
        found = owners.owner(op)
        others.append(f"{names.get(found, found or op)}: {_what(op)}")
    return Structure(weights, populations, list(dict.fromkeys([*direct, *others])))


def _is_free(op: Operator) -> bool:
    """Whether an operator is left out without a word: a filter, an input, a sum."""
    if isinstance(op, SimPyFunc):
        return op.x is None
    if isinstance(op, SimProcess):
        return op.input is None or isinstance(op.process, nengo.synapses.Synapse)
    return isinstance(op, _FREE)


def _what(op: Operator) -> str:
    """Say what an operator computes that is not counted."""
    if isinstance(op, SimPyFunc):
        return "a function"
    if type(op) in WEIGHTINGS and op.tag:
        return str(op.tag)
    return type(op).__name__.removeprefix("Sim")


def _weight_owners(model: Model) -> dict[tuple[Signal, Signal | None], Any]:
    """Map weights, and encoders with what they add to, to what they belong to."""
    owners: dict[tuple[Signal, Signal | None], Any] = {}
    for obj, signals in list(model.sig.items()):
        if isinstance(obj, nengo.Connection) and signals.get("weights") is not None:
            owners[signals["weights"].base, None] = obj
        elif isinstance(obj, nengo.Ensemble) and "encoders" in signals:
            current = model.sig[obj.neurons]["in"].base
            owners[signals["encoders"].base, current] = obj
    return owners


def _names(model: Model) -> dict[Any, str]:
    """Name objects by label and place, connections by what they connect."""
    names: dict[Any, str] = {}
    used: set[str] = set()
    for name, obj in _labelled(model.toplevel):
        names[obj] = free_name(name, used)
        used.add(names[obj])
        if isinstance(obj, nengo.Ensemble):
            names[obj.neurons] = names[obj]
    for conn in (x for x in model.params if isinstance(x, nengo.Connection)):
        ends = [
            names.get(end, "learning rule") for end in (conn.pre_obj, conn.post_obj)
        ]
        names[conn] = free_name(conn.label or " → ".join(ends), used)
        used.add(names[conn])
        for rule in learning_rules(conn).values():
            names[rule] = names[conn]
    return names


def _labelled(network: nengo.Network, place: str = "") -> Iterator[tuple[str, Any]]:
    """Give all objects but connections, with a name: ``"memory.store"``."""
    for kind in ("ensembles", "nodes", "probes"):
        for index, obj in enumerate(getattr(network, kind)):
            yield f"{place}{obj.label or f'{kind}[{index}]'}", obj
    for index, subnet in enumerate(network.networks):
        label = subnet.label or f"networks[{index}]"
        yield from _labelled(subnet, f"{place}{label}.")
