"""Parameters of a simulation by name: read, written, saved and loaded."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import keras
import nengo
import numpy as np
import numpy.typing as npt
from nengo.builder.signal import Signal
from nengo.exceptions import ValidationError

from nengo_dl_core.tensor_graph import TensorGraph
from nengo_dl_core.tensor_node import TensorNode

Array = npt.NDArray[Any]
write_array: Any = np.lib.format.write_array


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
    for path, obj in _objects(model.toplevel, ("ensembles", "connections")):
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
        for path, node in _objects(graph.model.toplevel, ("nodes",))
        if isinstance(node, TensorNode)
        and isinstance(node.tensor_func, keras.layers.Layer)
        for i, weight in enumerate(node.tensor_func.variables)
    }


def _objects(
    network: nengo.Network, kinds: Sequence[str], prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    """Every object of some kinds in a network, with the path to it."""
    for kind in kinds:
        for index, obj in enumerate(getattr(network, kind)):
            yield f"{prefix}{kind}[{_place(index, obj)}]", obj
    for index, subnet in enumerate(network.networks):
        path = f"{prefix}networks[{_place(index, subnet)}]."
        yield from _objects(subnet, kinds, path)


def _place(index: int, obj: Any) -> str:
    return f"{index}:{obj.label}" if obj.label else str(index)


def read_parameters(graph: TensorGraph) -> dict[str, Array]:
    """Read the present values of all parameters.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.

    Returns
    -------
    values : dict of {str: ndarray}
        Values by the names of `parameter_signals`. What an online learning rule owns
        has a leading minibatch axis, unless it is the same for all items. The weights
        of the network's Keras layers follow.
    """
    values = {}
    for name, sig in parameter_signals(graph).items():
        value = graph.get_tensor(sig).numpy()
        same = graph.is_minibatched(sig) and (value == value[:1]).all()
        values[name] = value[0] if same else value
    layers = layer_variables(graph)
    return values | {name: variable.numpy() for name, variable in layers.items()}


def write_parameters(graph: TensorGraph, values: Mapping[str, Array]) -> None:
    """Change the values of all parameters, or of none if one does not fit.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.
    values : dict of {str: ndarray}
        What `read_parameters` returned for a network of the same structure.

    Raises
    ------
    nengo.exceptions.ValidationError
        If the parameters are not those of the network; names the first that does not
        fit.
    """
    present = read_parameters(graph)
    for name in [*present, *values]:
        if name not in values or name not in present:
            where = "the file" if name not in values else "the network"
            raise ValidationError(f"parameter {name!r} is not in {where}", attr="path")
    new: dict[Signal, Array] = {}
    for name, sig in parameter_signals(graph).items():
        value = _fitted(name, values[name], tuple(graph.get_tensor(sig).shape))
        if graph.has_variable(sig):
            new[sig] = value
        elif not np.array_equal(values[name], present[name]):
            raise ValidationError(
                f"parameter {name!r} was simplified away when the network was built, "
                "and cannot get another value",
                attr="path",
            )
    weights = [
        (variable, _fitted(name, values[name], tuple(variable.shape)))
        for name, variable in layer_variables(graph).items()
    ]
    graph.set_values(new)
    for variable, value in weights:
        variable.assign(value)


_STATE = "state/"


def read_state(graph: TensorGraph) -> dict[str, Array]:
    """Read the state of a simulation.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.

    Returns
    -------
    state : dict of {str: ndarray}
        The values of all signals that survive a step, in the order in which the model's
        operators mention them, and the number of steps.
    """
    values = {
        f"{_STATE}{name}": graph.get_tensor(sig).numpy()
        for name, sig in _state_signals(graph).items()
    }
    return {**values, f"{_STATE}n_steps": np.asarray(graph.n_steps)}


def _state_signals(graph: TensorGraph) -> dict[str, Signal]:
    """Name the signals that survive a step, by what does not depend on the planner."""
    mentioned = dict.fromkeys(
        sig.base for op in graph.model.operators for sig in op.all_signals
    )
    kept = [sig for sig in mentioned if graph.is_state(sig)]
    return {f"{index}:{sig.shape}": sig for index, sig in enumerate(kept)}


def split_state(
    arrays: Mapping[str, Array],
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Separate parameters from state.

    Parameters
    ----------
    arrays : dict of {str: ndarray}
        What `read_parameters` and `read_state` returned.

    Returns
    -------
    parameters, state : dict of {str: ndarray}
        The two parts.
    """
    state = {name: x for name, x in arrays.items() if name.startswith(_STATE)}
    return {name: x for name, x in arrays.items() if name not in state}, state


def check_state(graph: TensorGraph, state: Mapping[str, Array]) -> None:
    """Check that state fits to a simulation.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.
    state : dict of {str: ndarray}
        State.

    Raises
    ------
    nengo.exceptions.ValidationError
        If it does not; names the first value that does not fit.
    """
    if not state:
        raise ValidationError("the file has no state; see include_state", attr="path")
    present = read_state(graph)
    for name in [*present, *state]:
        shapes = [x[name].shape if name in x else None for x in (state, present)]
        if shapes[0] != shapes[1]:
            raise ValidationError(
                f"{name!r} has shape {shapes[0]} in the file and {shapes[1]} in the "
                "simulation",
                attr="path",
            )


def write_state(graph: TensorGraph, state: Mapping[str, Array]) -> None:
    """Continue from a state.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.
    state : dict of {str: ndarray}
        What `read_state` returned for a simulation like this.
    """
    signals = _state_signals(graph)
    graph.set_values({sig: state[f"{_STATE}{name}"] for name, sig in signals.items()})
    graph.step.assign(int(state[f"{_STATE}n_steps"]))


def _fitted(name: str, value: Array, shape: tuple[int, ...]) -> Array:
    """A value for a parameter: one that is the same for all items is broadcast."""
    if value.shape not in (shape, shape[1:]):
        raise ValidationError(
            f"parameter {name!r} has shape {value.shape}, expected {shape}", attr="path"
        )
    return np.broadcast_to(value, shape)


def save_arrays(path: str | os.PathLike[str], arrays: Mapping[str, Array]) -> None:
    """Write arrays to a file, whole or not at all.

    Parameters
    ----------
    path : str
        The file, in NumPy's ``npz`` format. An old one is replaced at once when the new
        one is complete.
    arrays : dict of {str: ndarray}
        The arrays by name.
    """
    target = Path(path)
    with NamedTemporaryFile(
        dir=target.parent, prefix=target.name, delete=False
    ) as file:
        try:
            with zipfile.ZipFile(file, "w") as archive:
                for name, array in arrays.items():
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                        write_array(member, np.asarray(array), allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(target)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def load_arrays(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Read what `save_arrays` has written. Nothing is ever unpickled.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    arrays : dict of {str: ndarray}
        The arrays by name.

    Raises
    ------
    nengo.exceptions.ValidationError
        If the file is damaged, or is no file of parameters.
    FileNotFoundError
        If there is no such file.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (ValueError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise ValidationError(
            f"{path} is damaged, or no file of parameters ({error})", attr="path"
        ) from error
