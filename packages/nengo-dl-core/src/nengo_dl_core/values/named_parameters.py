"""The parameters of a network, by the Nengo objects that they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import nengo
from nengo.builder.signal import Signal
from nengo.dists import Distribution
from nengo.solvers import NoSolver

from nengo_dl_core.network.firing_rate_scale import scale_of
from nengo_dl_core.network.gains import gain_signals, scaled_by_gain
from nengo_dl_core.network.names import free_name
from nengo_dl_core.network.trainability import mark_signals
from nengo_dl_core.values.object_names import network_objects, tensor_nodes
from nengo_dl_core.values.parameter_kinds import (
    Gain,
    Indices,
    LayerParameter,
    Parameter,
    SignalParameter,
)
from nengo_dl_core.values.session import Session
from nengo_dl_optimizer import OperatorGraph, sparse_entries


def named_parameters(session: Session) -> list[Parameter]:
    """List the parameters that have an effect on a simulation.

    Parameters
    ----------
    session : Session
        The simulation.

    Returns
    -------
    parameters : list of Parameter
        Encoders, biases and gains of ensembles, weights and delays of connections,
        decoders of Probes, weights of Keras layers. Encoders of an ensemble that
        only its neurons are connected to, for example, have no effect.
    """
    model = session.program.model
    if model.toplevel is None:
        return []
    marks = mark_signals(model)
    paths = {
        obj: path
        for path, obj in network_objects(model.toplevel, "ensembles", "connections")
    }
    operators = OperatorGraph(model.operators)
    gains, learned = gain_signals(model), scaled_by_gain(model)
    found: list[Parameter] = []
    for obj, path in paths.items():
        if isinstance(obj, nengo.Connection):
            found += _weights(model, obj, f"{path}.", marks)
            found += _delays(model, obj, f"{path}.", marks)
        elif not isinstance(obj.neuron_type, nengo.Direct):
            found += _of_ensemble(model, obj, f"{path}.", marks, operators)
            encoders = model.sig[obj]["encoders"]
            if obj in gains or encoders in learned:
                given = not _random(obj.gain)
                found.append(
                    Gain(
                        name=f"{path}.gain",
                        given=given,
                        dispensable=given or model.seeded[obj],
                        built=model.params[obj].gain,
                        signals=gains.get(obj, ()),
                        learned_by=encoders in learned,
                        scale=scale_of(model, obj),
                    )
                )
    found += _probed(model, paths)
    for path, node in tensor_nodes(model.toplevel):
        for i, weight in enumerate(node.tensor_func.variables):
            own = session.variables.layer_weights.own(weight)
            found.append(
                LayerParameter(
                    name=f"{path}.weights[{i}]", trained=own.trainable, variable=own
                )
            )
    return found


def _of_ensemble(
    model: nengo.builder.Model,
    ens: nengo.Ensemble,
    path: str,
    marks: dict[Signal, bool | None],
    operators: OperatorGraph,
) -> Iterator[Parameter]:
    encoders, bias = model.sig[ens]["encoders"], model.sig[ens.neurons]["bias"]
    has_input = model.sig[ens]["in"].base in operators.incs
    if has_input or len(operators.reads[encoders.base]) > 1:
        mark = marks.get(encoders)
        yield SignalParameter(
            name=f"{path}encoders",
            trained=bool(mark),
            given=mark is False and not (_random(ens.encoders) or _random(ens.gain)),
            signal=encoders,
            scale=scale_of(model, ens),
        )
    mark = marks.get(bias)
    given = mark is False and not _random(ens.bias)
    yield SignalParameter(
        name=f"{path}bias", trained=bool(mark), given=given, signal=bias
    )


def _weights(
    model: nengo.builder.Model,
    conn: nengo.Connection,
    path: str,
    marks: dict[Signal, bool | None],
) -> Iterator[Parameter]:
    sig = model.sig[conn].get("weights")
    if sig is None:
        return
    mark = marks.get(sig.base)
    drawn = isinstance(getattr(conn.transform, "init", None), Distribution)
    solved = isinstance(conn.pre_obj, nengo.Ensemble) and (
        not isinstance(conn.solver, NoSolver) or conn.solver.weights
    )
    yield SignalParameter(
        name=f"{path}weights",
        trained=bool(mark),
        given=mark is False and not drawn and not solved,
        signal=sig,
    )
    if sig.sparse:
        yield Indices(
            name=f"{path}indices", dispensable=True, indices=sparse_entries(sig)[0]
        )


def _delays(
    model: nengo.builder.Model,
    conn: nengo.Connection,
    path: str,
    marks: dict[Signal, bool | None],
) -> Iterator[SignalParameter]:
    """Delays of a connection that can be learned."""
    sig = model.sig[conn].get("delays")
    if sig is not None:
        mark = marks.get(sig)
        yield SignalParameter(
            name=f"{path}delays", trained=bool(mark), given=mark is False, signal=sig
        )


def _probed(
    model: nengo.builder.Model, paths: dict[Any, str]
) -> Iterator[SignalParameter]:
    """Decoders of Probes: named by the ensemble, since networks differ in Probes."""
    names: set[str] = set()
    for conn in model.params:
        if isinstance(conn, nengo.Connection) and isinstance(
            conn.post_obj, nengo.Probe
        ):
            sig = model.sig[conn].get("weights")
            if sig is None or conn.pre_obj not in paths:
                continue
            whole = conn.pre_slice == slice(None)
            part = "" if whole else f"[{conn.pre_slice}]"
            name = free_name(f"{paths[conn.pre_obj]}.probed{part}", names)
            names.add(name)
            yield SignalParameter(
                name=name,
                dispensable=True,
                drawn=not model.seeded[conn.pre_obj],
                signal=sig,
            )


def _random(value: Any) -> bool:
    """Whether an argument of an ensemble leaves its values to chance."""
    return value is None or isinstance(value, Distribution)
