"""Names the parameters and the state of a simulation, after its Nengo objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import nengo
from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import Operator
from nengo.builder.processes import SimProcess
from nengo.builder.signal import Signal

from nengo_dl_core.network.names import free_name
from nengo_dl_core.network.trainability import learning_rules
from nengo_dl_core.tensor_node import TensorNode
from nengo_dl_core.values.session import Session
from nengo_dl_core.values.signal_values import SignalValues
from nengo_dl_optimizer import written_signals


def tensor_nodes(network: nengo.Network) -> Iterator[tuple[str, TensorNode]]:
    """Find the TensorNodes that call Keras layers.

    Parameters
    ----------
    network : nengo.Network
        The network.

    Yields
    ------
    path : str
        See `network_objects`.
    node : TensorNode
        The node.
    """
    for path, node in network_objects(network, "nodes"):
        if isinstance(node, TensorNode) and isinstance(
            node.tensor_func, keras.layers.Layer
        ):
            yield path, node


def state_signals(session: Session) -> dict[str, Signal]:
    """Name the signals that survive a step, parameters excepted.

    Parameters
    ----------
    session : Session
        The simulation.

    Returns
    -------
    signals : dict of {str: nengo.builder.Signal}
        For example under the name ``"ensembles[0:store].neurons.voltage"``; or, if it
        belongs to an operator alone, under that of another signal of the operator:
        ``"connections[0].weighted.X"``.
    """
    operators, values = session.program.optimized.graph, SignalValues(session, True)
    owned = _owned(session)
    signals: dict[str, Signal] = {}
    named: set[Signal] = set()
    for op in operators:
        written = written_signals(op)
        bases = dict.fromkeys(sig.base for sig in [*written, *op.reads])
        owner = next((owned[base] for base in bases if base in owned), "operator")
        for base in bases:
            if values.is_state(base) and base not in named:
                named.add(base)
                name = owned.get(base) or f"{owner}.{_own_name(op, base)}"
                signals[free_name(name, signals)] = base
    return signals


def generator_names(session: Session) -> list[str]:
    """Name the random generators in Python, in the order of `Generators.state`.

    Parameters
    ----------
    session : Session
        The simulation.

    Returns
    -------
    names : list of str
        For example ``"nodes[0:noise].process"`` or ``"ensembles[1].neurons.process"``.
    """
    owned, operators = _owned(session), session.program.optimized.graph
    names: list[str] = []
    for op in session.generators.operators:
        signal = owned.get(operators.current(op.output).base, "operator.out")
        owner = signal.rpartition(".")[0]
        names.append(free_name(f"{owner}.{_DRAWING[type(op)]}", names))
    return names


_DRAWING = {SimProcess: "process", SimNeurons: "random"}


def _owned(session: Session) -> dict[Signal, str]:
    """Names of signals by the objects that they belong to."""
    model, operators = session.program.model, session.program.optimized.graph
    updated = {sig.base for op in model.operators for sig in op.updates}
    names = [
        (sig, f"{path}.{key}")
        for path, obj in _owners(model)
        for key, sig in model.sig[obj].items()
        if isinstance(sig, Signal)
    ]
    owned: dict[Signal, str] = {}
    # What is kept comes first, and then what simplifications let take its place
    for sig, name in sorted(names, key=lambda pair: pair[0].base not in updated):
        owned.setdefault(operators.current(sig).base, name)
    return owned


def _own_name(op: Operator, sig: Signal) -> str:
    """Find the name that an operator gives to a signal of its state."""
    states = getattr(op, "state", {})
    own = (name for name, state in states.items() if state is sig)
    return next(own, sig.name.rpartition(".")[2])


def _owners(model: nengo.builder.Model) -> Iterator[tuple[str, Any]]:
    """Every object that has signals, with the path to it."""
    if model.toplevel is None:
        return
    paths = {}
    for path, obj in network_objects(
        model.toplevel, "ensembles", "nodes", "connections", "probes"
    ):
        paths[obj] = path
        if isinstance(obj, nengo.Ensemble):
            paths[obj.neurons] = f"{path}.neurons"
        if isinstance(obj, nengo.Connection):
            rules = learning_rules(obj)
            paths |= {rule: f"{path}.{name}" for name, rule in rules.items()}
    for obj in model.sig:  # Probes have Connections that no network knows
        if isinstance(obj, nengo.Connection) and obj not in paths:
            paths[obj] = f"{paths.get(obj.post_obj, 'probes')}.connection"
    yield from ((path, obj) for obj, path in paths.items())


def network_objects(
    network: nengo.Network, *kinds: str, prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    """Find every object of some kinds in a network.

    Parameters
    ----------
    network : nengo.Network
        The network.
    *kinds : str
        Attributes of networks that are lists of objects.
    prefix : str
        Path to the network.

    Yields
    ------
    path : str
        Where the object is, with labels: ``"networks[0:memory].ensembles[1:store]"``.
    obj : NengoObject
        The object.
    """
    for kind in kinds:
        for index, obj in enumerate(getattr(network, kind)):
            yield f"{prefix}{kind}[{_place(index, obj)}]", obj
    for index, subnet in enumerate(network.networks):
        path = f"{prefix}networks[{_place(index, subnet)}]."
        yield from network_objects(subnet, *kinds, prefix=path)


def _place(index: int, obj: Any) -> str:
    return f"{index}:{obj.label}" if obj.label else str(index)
