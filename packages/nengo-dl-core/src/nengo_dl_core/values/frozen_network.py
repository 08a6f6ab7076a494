"""Takes the parameters of a simulation over into Nengo objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from inspect import signature
from typing import Any

import keras
import nengo
import numpy as np
import numpy.typing as npt
from nengo import Connection, Ensemble
from nengo.base import NengoObject
from nengo.exceptions import ValidationError
from nengo.solvers import NoSolver
from nengo.transforms import NoTransform, Sparse, SparseMatrix, Transform

from nengo_dl_core.tensor_node import TensorNode
from nengo_dl_core.values.simulation_data import SimulationData

Array = npt.NDArray[Any]
OwnVariable = Callable[[keras.Variable], keras.Variable]


def nengo_params(data: SimulationData, obj: Any) -> dict[str, Any]:
    """Give the arguments that make a Nengo object with the present parameters.

    Parameters
    ----------
    data : SimulationData
        The simulator's data.
    obj : nengo.Ensemble or nengo.Connection
        An object of the simulated network.

    Returns
    -------
    arguments : dict of {str: object}
        Arguments for `nengo.Ensemble` or `nengo.Connection`; none if the object has no
        parameters.

    Raises
    ------
    nengo.exceptions.ValidationError
        If the object is of another type, or not in the network, or has been learned
        differently by the items of a minibatch.
    """
    if not isinstance(obj, (Ensemble, Connection)):
        raise ValidationError(
            f"parameters are those of an Ensemble or a Connection, not of {obj!r}",
            attr="nengo_objs",
        )
    _check_simulated(data, obj)
    if isinstance(obj, Ensemble):
        return _ensemble_params(data, obj)
    return _connection_params(data, obj)


def named_params(
    data: SimulationData, objs: Sequence[Any]
) -> dict[str, dict[str, Any]]:
    """Give the arguments of several objects by their labels.

    Parameters
    ----------
    data : SimulationData
        The simulator's data.
    objs : list of nengo.Ensemble or nengo.Connection
        Objects of the simulated network.

    Returns
    -------
    arguments : dict of {str: dict}
        What `nengo_params` returns for each of them.

    Raises
    ------
    nengo.exceptions.ValidationError
        If an object has no label, or that of another.
    """
    named: dict[str, dict[str, Any]] = {}
    for obj in objs:
        label = getattr(obj, "label", None)
        if label is None or label in named:
            raise ValidationError(
                f"{obj!r} needs a label that no other object has, to be found by it "
                f"(as_dict=True); its label is {label!r}",
                attr="nengo_objs",
            )
        named[label] = nengo_params(data, obj)
    return named


def freeze(
    data: SimulationData,
    own: OwnVariable,
    objs: NengoObject | nengo.Network | Iterable[Any],
) -> None:
    """Store the present parameters in the Nengo objects, all or none.

    Probes of the ensembles keep the decoders that they have: Nengo would find others
    for other encoders. The weights of Keras layers are stored in the layers.

    Parameters
    ----------
    data : SimulationData
        The simulator's data.
    own : callable
        Gives the simulation's variable for one of a Keras layer; see
        `LayerWeights.own`.
    objs : nengo.Network or nengo.Ensemble or nengo.Connection or TensorNode or list
        Networks stand for all such objects in them.

    Raises
    ------
    nengo.exceptions.ValidationError
        As `nengo_params` does.
    """
    flat: list[Any] = []
    for obj in list(objs) if isinstance(objs, (list, tuple, set)) else [objs]:
        if isinstance(obj, nengo.Network):
            nodes = [node for node in obj.all_nodes if isinstance(node, TensorNode)]
            flat += [*obj.all_ensembles, *obj.all_connections, *nodes]
        else:
            flat.append(obj)
    nodes = [obj for obj in flat if isinstance(obj, TensorNode)]
    found = [(obj, nengo_params(data, obj)) for obj in flat if obj not in nodes]
    found += _probe_params(data, [obj for obj in flat if isinstance(obj, Ensemble)])
    weights = [pair for node in nodes for pair in _layer_weights(data, own, node)]
    for obj, arguments in found:
        for name, value in arguments.items():
            setattr(obj, name, value)
    for weight, present in weights:
        weight.assign(present.value)


def _layer_weights(
    data: SimulationData, own: OwnVariable, node: TensorNode
) -> list[tuple[keras.Variable, keras.Variable]]:
    """Pair each weight of a node's Keras layer with the simulation's own."""
    _check_simulated(data, node)
    if not isinstance(node.tensor_func, keras.layers.Layer):
        return []
    return [(weight, own(weight)) for weight in node.tensor_func.variables]


def _check_simulated(data: SimulationData, obj: Any) -> None:
    if obj not in data.sim.model.params:
        raise ValidationError(
            f"{obj!r} is not in the simulated network", attr="nengo_objs"
        )


def _probe_params(
    data: SimulationData, ensembles: Sequence[Ensemble]
) -> Iterator[tuple[nengo.Probe, dict[str, Any]]]:
    """Decoders of the probes of ensembles, which Nengo builds as connections."""
    for conn in data.sim.model.params:
        if (
            isinstance(conn, Connection)
            and isinstance(conn.post_obj, nengo.Probe)
            and conn.pre_obj in ensembles
            and _is_decoded(conn)
        ):
            yield conn.post_obj, _connection_params(data, conn)


def _is_decoded(conn: Connection) -> bool:
    return isinstance(conn.pre_obj, Ensemble) and not isinstance(
        conn.pre_obj.neuron_type, nengo.Direct
    )


def _ensemble_params(data: SimulationData, ens: Ensemble) -> dict[str, Any]:
    if isinstance(ens.neuron_type, nengo.Direct):
        return {}
    present = data[ens]
    gain = np.asarray(present.gain, nengo.rc.float_dtype)
    if (gain != data.present_gain(ens)).any() and ens in data.gain_signals:
        raise ValidationError(
            f"neurons of {ens!r} have no gain, but encoders since the training, and "
            "connections of their own; as arguments of an Ensemble only one of these "
            "can be kept",
            attr="nengo_objs",
        )
    return {
        "normalize_encoders": False,
        "encoders": _for_all_items(ens, present.encoders, 2),
        "gain": gain,
        "bias": _for_all_items(ens, present.bias, 1),
    }


def _connection_params(data: SimulationData, conn: Connection) -> dict[str, Any]:
    arguments = _weight_params(data, conn)
    if data.sim.model.sig[conn].get("delays") is not None:
        (steps,) = data.get_params((conn, "delays"))
        arguments["synapse"] = conn.synapse.with_steps(steps)
    return arguments


def _weight_params(data: SimulationData, conn: Connection) -> dict[str, Any]:
    signal = data.sim.model.sig[conn].get("weights")
    if signal is None:
        return {}
    (weights,) = data.get_params((conn, "weights"))
    transform = conn.transform
    if not _is_decoded(conn):
        return {"transform": _with_weights(conn, transform, weights, signal.ndim)}
    weights = _for_all_items(conn, weights, 2)
    if conn.solver.weights and isinstance(conn.post_obj, Ensemble):
        return {"solver": _whole_weights(weights.T)}
    if isinstance(transform, NoTransform) and callable(conn.function):
        return {"function": conn.function, "solver": NoSolver(weights.T)}
    if isinstance(transform, NoTransform) and conn.function is None:
        return {"solver": NoSolver(weights.T)}
    size = len(weights)  # the transform is part of the weights
    return {
        # any function of as many values, since Nengo asks for no more than their number
        "function": partial(np.resize, new_shape=size),
        "solver": NoSolver(weights.T),
        "transform": NoTransform(size),
    }


def _whole_weights(values: Array) -> NoSolver:
    """Make a solver that returns weights which include transform and encoders.

    It is Nengo's own type, so that the network can be pickled and loaded without us.
    """
    solver = NoSolver(values, weights=True)
    solver.compositional = False
    return solver


def _with_weights(
    conn: Connection, transform: Transform, weights: Any, n_axes: int
) -> Transform:
    """Make a transform like that of a connection, with other weights."""
    if isinstance(transform, Sparse):
        if isinstance(weights, SparseMatrix):
            return Sparse(transform.shape, weights.indices, weights.data)
        return Sparse(transform.shape, init=weights)
    arguments = {
        name: getattr(transform, name) for name in signature(type(transform)).parameters
    }
    arguments["init"] = _for_all_items(conn, weights, n_axes)
    return type(transform)(**arguments)


def _for_all_items(obj: Any, value: Array, n_axes: int) -> Array:
    """Return the one value of all items, in Nengo's precision; raise if they differ."""
    if value.ndim > n_axes:
        if (value != value[:1]).any():
            raise ValidationError(
                f"the {len(value)} items of the minibatch have learned different "
                f"parameters of {obj!r}; build the simulator with minibatch_size=1",
                attr="nengo_objs",
            )
        value = value[0]
    return np.asarray(value, nengo.rc.float_dtype)
