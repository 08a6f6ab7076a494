"""Names of what a simulation keeps, by the Nengo objects that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import nengo
from nengo.builder.operator import Operator
from nengo.builder.signal import Signal

from nengo_dl_core.network.names import free_name
from nengo_dl_core.network.trainability import learning_rules
from nengo_dl_core.tensor_node import TensorNode
from nengo_dl_core.values.session import Session as TensorGraph
from nengo_dl_core.values.signal_values import SignalValues
from nengo_dl_optimizer import written_signals


def parameter_signals(graph: TensorGraph) -> dict[str, Signal]:
    """Name the parameters of a model by the Nengo objects that they belong to.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.

    Returns
    -------
    signals : dict of {str: nengo.builder.Signal}
        Encoders, biases and weights, for example under the name
        ``"networks[0:memory].ensembles[1:store].encoders"``: the place of the object in
        its network, with its label if it has one.
    """
    model = graph.model
    if model.toplevel is None:
        return {}
    signals: dict[str, Signal] = {}
    for path, obj in _objects(model.toplevel, "ensembles", "connections"):
        if isinstance(obj, nengo.Connection):
            found = {"weights": model.sig[obj].get("weights")}
        else:
            found = {
                "encoders": model.sig[obj].get("encoders"),
                "bias": model.sig[obj.neurons].get("bias"),
            }
        signals |= {f"{path}.{x}": sig for x, sig in found.items() if sig is not None}
    return signals


def layer_variables(graph: TensorGraph) -> dict[str, keras.Variable]:
    """Name the weights of Keras layers by the TensorNodes that call them.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.

    Returns
    -------
    variables : dict of {str: keras.Variable}
        The simulation's own variables, for example under the name
        ``"nodes[2].weights[0]"``. A layer that several nodes share has several names.
    """
    if graph.model.toplevel is None:
        return {}
    return {
        f"{path}.weights[{i}]": graph.layer_weights.own(weight)
        for path, node in _objects(graph.model.toplevel, "nodes")
        if isinstance(node, TensorNode)
        and isinstance(node.tensor_func, keras.layers.Layer)
        for i, weight in enumerate(node.tensor_func.variables)
    }


def state_signals(graph: TensorGraph) -> dict[str, Signal]:
    """Name the signals that survive a step, parameters excepted.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.

    Returns
    -------
    signals : dict of {str: nengo.builder.Signal}
        For example under the name ``"ensembles[0:store].neurons.voltage"``; or, if it
        belongs to an operator alone, under that of another signal of the operator:
        ``"connections[0].weighted.X"``.
    """
    operators, values = graph.optimized.graph, SignalValues(graph, minibatched=True)
    updated = {sig.base for op in graph.model.operators for sig in op.updates}
    names = [
        (sig, f"{path}.{key}")
        for path, obj in _owners(graph.model)
        for key, sig in graph.model.sig[obj].items()
        if isinstance(sig, Signal)
    ]
    owned: dict[Signal, str] = {}
    # What is kept comes first, and then what simplifications let take its place
    for sig, name in sorted(names, key=lambda pair: pair[0].base not in updated):
        owned.setdefault(operators.current(sig).base, name)
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


def _own_name(op: Operator, sig: Signal) -> str:
    """What an operator calls its state."""
    states = getattr(op, "state", {})
    own = (name for name, state in states.items() if state is sig)
    return next(own, sig.name.rpartition(".")[2])


def _owners(model: nengo.builder.Model) -> Iterator[tuple[str, Any]]:
    """Every object that has signals, with the path to it."""
    if model.toplevel is None:
        return
    paths = {}
    for path, obj in _objects(
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


def _objects(
    network: nengo.Network, *kinds: str, prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    """Every object of some kinds in a network, with the path to it."""
    for kind in kinds:
        for index, obj in enumerate(getattr(network, kind)):
            yield f"{prefix}{kind}[{_place(index, obj)}]", obj
    for index, subnet in enumerate(network.networks):
        path = f"{prefix}networks[{_place(index, subnet)}]."
        yield from _objects(subnet, *kinds, prefix=path)


def _place(index: int, obj: Any) -> str:
    return f"{index}:{obj.label}" if obj.label else str(index)
