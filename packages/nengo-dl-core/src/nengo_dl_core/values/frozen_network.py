"""Parameters of a simulation as arguments of Nengo objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from inspect import signature
from typing import Any

import nengo
import numpy as np
import numpy.typing as npt
from nengo import Connection, Ensemble
from nengo.base import NengoObject
from nengo.exceptions import ValidationError
from nengo.solvers import NoSolver
from nengo.transforms import NoTransform, Sparse, SparseMatrix, Transform

from nengo_dl_core.values.simulation_data import SimulationData

Array = npt.NDArray[Any]


class Weights(NoSolver):
    """Gives a connection between two ensembles the weights between their neurons.

    The weights take the place of decoders, transform and encoders together.

    Parameters
    ----------
    values : ndarray
        Weights of shape ``(n_neurons of pre, n_neurons of post)``.
    """

    compositional = False

    def __init__(self, values: Array) -> None:
        super().__init__(values, weights=True)


class Undecoded:
    """The function of a connection whose decoders are given.

    Nengo asks a connection's function how many values are decoded, and no more.

    Parameters
    ----------
    size : int
        Number of values.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, x: Array) -> Array:
        """Return as many values as are decoded."""
        return np.zeros(self.size)


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
    if obj not in data.sim.model.params:
        raise ValidationError(
            f"{obj!r} is not in the simulated network", attr="nengo_objs"
        )
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
    data: SimulationData, objs: NengoObject | nengo.Network | Iterable[Any]
) -> None:
    """Store the present parameters in the Nengo objects, all or none.

    Probes of the ensembles keep the decoders that they have: Nengo would find others
    for other encoders.

    Parameters
    ----------
    data : SimulationData
        The simulator's data.
    objs : nengo.Network or nengo.Ensemble or nengo.Connection or list
        Networks stand for all ensembles and connections in them.

    Raises
    ------
    nengo.exceptions.ValidationError
        As `nengo_params` does.
    """
    given = list(objs) if isinstance(objs, (list, tuple, set)) else [objs]
    flat: list[Any] = []
    for obj in given:
        if isinstance(obj, nengo.Network):
            flat += [*obj.all_ensembles, *obj.all_connections]
        else:
            flat.append(obj)
    found = [(obj, nengo_params(data, obj)) for obj in flat]
    found += _probe_params(data, [obj for obj in flat if isinstance(obj, Ensemble)])
    for obj, arguments in found:
        for name, value in arguments.items():
            setattr(obj, name, value)


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
    built = data.sim.model.params[ens]
    scaled, bias = data.get_params((ens, "encoders"), (ens, "bias"))
    scaled, bias = _for_all_items(ens, scaled, 2), _for_all_items(ens, bias, 1)
    # Encoders of neurons without gain can be given a value by training
    gain = np.where(built.gain == 0, 1, built.gain)
    return {
        "normalize_encoders": False,
        "encoders": scaled * ens.radius / gain[:, None],
        "gain": gain,
        "bias": bias,
    }


def _connection_params(data: SimulationData, conn: Connection) -> dict[str, Any]:
    signal = data.sim.model.sig[conn].get("weights")
    if signal is None:
        return {}
    (weights,) = data.get_params((conn, "weights"))
    transform = conn.transform
    if not _is_decoded(conn):
        return {"transform": _with_weights(conn, transform, weights, signal.ndim)}
    weights = _for_all_items(conn, weights, 2)
    if conn.solver.weights and isinstance(conn.post_obj, Ensemble):
        return {"solver": Weights(weights.T)}
    if isinstance(transform, NoTransform) and callable(conn.function):
        return {"function": conn.function, "solver": NoSolver(weights.T)}
    if isinstance(transform, NoTransform) and conn.function is None:
        return {"solver": NoSolver(weights.T)}
    size = len(weights)  # the transform is part of the weights
    return {
        "function": Undecoded(size),
        "solver": NoSolver(weights.T),
        "transform": NoTransform(size),
    }


def _with_weights(
    conn: Connection, transform: Transform, weights: Any, n_axes: int
) -> Transform:
    """A transform that differs in its weights only."""
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
    """What the items of the minibatch have in common, in Nengo's precision."""
    if value.ndim > n_axes:
        if (value != value[:1]).any():
            raise ValidationError(
                f"the {len(value)} items of the minibatch have learned different "
                f"parameters of {obj!r}; build the simulator with minibatch_size=1",
                attr="nengo_objs",
            )
        value = value[0]
    return np.asarray(value, nengo.rc.float_dtype)
