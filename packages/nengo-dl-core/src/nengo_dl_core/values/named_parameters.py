"""The parameters of a network, by the Nengo objects that they belong to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import nengo
import numpy as np
import numpy.typing as npt
from nengo.builder.signal import Signal
from nengo.dists import Distribution
from nengo.exceptions import ValidationError
from nengo.solvers import NoSolver

from nengo_dl_core.network.firing_rate_scale import scale_of
from nengo_dl_core.network.names import free_name
from nengo_dl_core.training.tensor_graph import TensorGraph
from nengo_dl_core.values.gains import gain_signals, scaled_by_gain
from nengo_dl_core.values.object_names import network_objects, tensor_nodes
from nengo_dl_core.values.signal_values import SignalValues
from nengo_dl_optimizer import OperatorGraph, sparse_entries

Array = npt.NDArray[Any]
Assignment = tuple[Signal | keras.Variable, Array]


@dataclass(frozen=True, kw_only=True, eq=False)
class Parameter(ABC):
    """Something that a network has learned, solved for, or drawn at random.

    Parameters
    ----------
    name : str
        The place of the object in its network, with its label if it has one, and what
        it is of the object: ``"networks[0:memory].ensembles[1:store].encoders"``.
    trained : bool
        Whether `Simulator.fit` changes it.
    given : bool
        Whether it is part of the definition of the network: given as numbers, and never
        trained.
    dispensable : bool
        Whether it may stay as it is where a file does not have it.
    drawn : bool
        Whether what it is then depends on neurons without a seed.
    """

    name: str
    trained: bool = False
    given: bool = False
    dispensable: bool = False
    drawn: bool = False

    @abstractmethod
    def read(self, values: SignalValues) -> Array:
        """Read the present value.

        Parameters
        ----------
        values : SignalValues
            The values of the simulation, with a minibatch axis.

        Returns
        -------
        value : ndarray
            As it is for firing rates that are not scaled. What an online learning rule
            owns has a leading minibatch axis, unless it is the same for all items.
        """

    @abstractmethod
    def assignments(self, values: SignalValues, value: Array) -> list[Assignment]:
        """Say what has to be assigned for a new value.

        Parameters
        ----------
        values : SignalValues
            The values of the simulation, with a minibatch axis.
        value : ndarray
            What `read` returned for a parameter like this.

        Returns
        -------
        assignments : list of (nengo.builder.Signal or keras.Variable, ndarray)
            Signals and variables, and their new values.

        Raises
        ------
        nengo.exceptions.ValidationError
            If the parameter cannot have this value.
        """

    def fixed(self, values: SignalValues) -> bool:
        """Whether the present value is the one that the definition gives.

        Parameters
        ----------
        values : SignalValues
            The values of the simulation, with a minibatch axis.

        Returns
        -------
        fixed : bool
            False if it has been loaded from a file, for example.
        """
        return self.given


@dataclass(frozen=True, kw_only=True, eq=False)
class SignalParameter(Parameter):
    """A parameter that is a signal of the model: encoders, a bias or weights.

    Parameters
    ----------
    signal : nengo.builder.Signal
        The signal.
    scale : float
        Scale of the firing rates that is part of the signal's value.
    """

    signal: Signal
    scale: float = 1.0

    def read(self, values: SignalValues) -> Array:
        """Read the present value; see `Parameter.read`."""
        value = present_entries(values, self.signal)
        return value if self.scale == 1 else value / self.scale

    def assignments(self, values: SignalValues, value: Array) -> list[Assignment]:
        """Say what has to be assigned; see `Parameter.assignments`."""
        new = fitted(self.name, value, values[self.signal].shape) * self.scale
        return _assigned(self.name, values, self.signal, new)

    def fixed(self, values: SignalValues) -> bool:
        """Whether the value is that of the definition; see `Parameter.fixed`."""
        value = present_entries(values, self.signal)
        return self.given and value is _entries(self.signal)


@dataclass(frozen=True, kw_only=True, eq=False)
class Gain(Parameter):
    """The gain of neurons that have connections of their own.

    Parameters
    ----------
    built : ndarray
        What Nengo built, ``(n_neurons,)``.
    signals : list of (nengo.builder.Signal, slice)
        Signals of gains, and the neurons that they are about.
    learned_by : bool
        Whether a learning rule uses the gain too.
    scale : float
        Scale of the firing rates that is part of the gain.
    """

    built: Array
    signals: Sequence[tuple[Signal, Any]]
    learned_by: bool
    scale: float = 1.0

    def read(self, values: SignalValues) -> Array:
        """Read the present value; see `Parameter.read`."""
        gain = np.array(self.built)
        for sig, neurons in self.signals:
            gain[neurons] = present_entries(values, sig)
        return gain / self.scale

    def assignments(self, values: SignalValues, value: Array) -> list[Assignment]:
        """Say what has to be assigned; see `Parameter.assignments`."""
        gain = fitted(self.name, value, self.built.shape) * self.scale
        if _equal(gain, self.read(values) * self.scale):
            return []
        if self.given:
            raise ValidationError(
                f"{self.name!r} is not what the network gives; if it scales firing "
                "rates, and the amplitude of the neurons too, set "
                "net.config[ens].firing_rate_scale, else give the gain of the file",
                attr="path",
            )
        if self.learned_by and not _equal(gain, self.built):
            raise ValidationError(
                f"{self.name!r} is not that of the network, and a learning rule uses "
                "it; give the ensemble the seed of the one that was saved",
                attr="path",
            )
        return [
            assignment
            for sig, neurons in self.signals
            for assignment in _assigned(self.name, values, sig, gain[neurons])
        ]


@dataclass(frozen=True, kw_only=True, eq=False)
class Indices(Parameter):
    """The rows and columns of sparse weights, which stay as they are.

    Parameters
    ----------
    indices : ndarray
        Row and column of each entry, ``(n_entries, 2)``.
    """

    indices: Array

    def read(self, values: SignalValues) -> Array:
        """Read the present value; see `Parameter.read`."""
        return self.indices

    def assignments(self, values: SignalValues, value: Array) -> list[Assignment]:
        """Refuse other indices; see `Parameter.assignments`."""
        if not np.array_equal(value, self.indices):
            raise ValidationError(
                f"{self.name!r}, the rows and columns of sparse weights, are not those "
                "of the network",
                attr="path",
            )
        return []


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerParameter(Parameter):
    """A weight of a Keras layer.

    Parameters
    ----------
    variable : keras.Variable
        The simulation's own variable.
    """

    variable: keras.Variable

    def read(self, values: SignalValues) -> Array:
        """Read the present value; see `Parameter.read`."""
        value = np.asarray(self.variable.numpy())
        return value if value.dtype.kind in "biuf" else value.astype(np.float32)

    def assignments(self, values: SignalValues, value: Array) -> list[Assignment]:
        """Say what has to be assigned; see `Parameter.assignments`."""
        return [(self.variable, fitted(self.name, value, tuple(self.variable.shape)))]


def named_parameters(graph: TensorGraph) -> list[Parameter]:
    """List the parameters that have an effect on a simulation.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.

    Returns
    -------
    parameters : list of Parameter
        Encoders, biases and gains of ensembles, weights of connections, decoders of
        Probes, weights of Keras layers. Encoders of an ensemble that only its neurons
        are connected to, for example, have no effect.
    """
    model = graph.model
    if model.toplevel is None:
        return []
    marks = graph.mark_signals()
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
            own = graph.layer_weights.own(weight)
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


def _probed(
    model: nengo.builder.Model, paths: dict[Any, str]
) -> Iterator[SignalParameter]:
    """Decoders of Probes: named by the ensemble, since networks differ in Probes."""
    names: set[str] = set()
    for conn in model.params:
        if isinstance(conn, nengo.Connection) and isinstance(conn.post_obj, nengo.Probe):
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


def _entries(sig: Signal) -> Array:
    value: Array = sparse_entries(sig)[1] if sig.sparse else sig.initial_value
    return value


def present_entries(values: SignalValues, sig: Signal) -> Array:
    """Read a signal, of a sparse one the entries.

    Parameters
    ----------
    values : SignalValues
        The values of a simulation, with a minibatch axis.
    sig : nengo.builder.Signal
        A signal that has a value between steps.

    Returns
    -------
    value : ndarray
        Without minibatch axis, if it is the same for all items; the very array that
        Nengo built, if only the precision differs.
    """
    value, first = values[sig], _entries(sig)
    if values.is_minibatched(sig) and (value == value[:1]).all():
        value = value[0]
    return first if np.array_equal(value, first.astype(value.dtype)) else value


def fitted(name: str, value: Array, shape: tuple[int, ...]) -> Array:
    """Give a value to all items of the minibatch.

    Parameters
    ----------
    name : str
        Name of the value.
    value : ndarray
        The value, with or without a leading minibatch axis.
    shape : tuple of int
        The shape that is expected.

    Returns
    -------
    fitted : ndarray
        The value in that shape.

    Raises
    ------
    nengo.exceptions.ValidationError
        If it has another one.
    """
    if value.shape not in (shape, shape[1:]):
        raise ValidationError(
            f"{name!r} has shape {value.shape} in the file, expected {shape}",
            attr="path",
        )
    return np.broadcast_to(value, shape)


def _equal(one: Array, other: Array) -> bool:
    """Whether values differ by no more than single precision loses."""
    return bool(np.allclose(one, other, rtol=1e-6, atol=0))


def _assigned(
    name: str, values: SignalValues, sig: Signal, value: Array
) -> list[Assignment]:
    """The assignment of a signal, if it can have another value than it has."""
    if values.is_variable(sig):
        return [(sig, value)]
    if not _equal(value, values[sig]):
        raise ValidationError(
            f"{name!r} was simplified away when the network was built, and cannot get "
            "another value",
            attr="path",
        )
    return []
