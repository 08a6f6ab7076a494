"""Connections of a Nengo network as what they multiply, between neurons and Nodes."""

from __future__ import annotations

from typing import Any, NamedTuple

import nengo
import numpy as np
import numpy.typing as npt
from nengo.base import NengoObject, ObjView
from nengo.builder import Model
from nengo.connection import LearningRule
from nengo.ensemble import Neurons
from nengo.transforms import Convolution, NoTransform, SparseMatrix

from nengo_dl_core import Delay

from ... import indices
from ..errors import NIRError

Array = npt.NDArray[np.float64]


class Link(NamedTuple):
    """What a connection or a probe reads, and where that goes.

    Attributes
    ----------
    label : str
        Name of the connection, for messages.
    pre : nengo.Node or nengo.ensemble.Neurons
        Whose output it reads.
    post : NengoObject
        A Node or Neurons; an Ensemble, for what is encoded; a Probe.
    matrix : ndarray or None
        Weights from all of ``pre`` to all of ``post``; None if it hands on as it is.
    synapse : nengo.synapses.Synapse or None
        The filter after the weights.
    convolution : nengo.Convolution or None
        The convolution that the matrix is, if it is one.
    kernel : ndarray or None
        Its kernel, ``(*size, channels_in // groups, n_filters)``.
    """

    label: str
    pre: NengoObject
    post: NengoObject
    matrix: Array | None
    synapse: Any
    convolution: Convolution | None = None
    kernel: Array | None = None


def links_of(model: Model, net: nengo.Network) -> list[Link]:
    """Read all connections and probes of a network.

    Parameters
    ----------
    model : nengo.builder.Model
        The built network, with decoders, gains and biases.
    net : nengo.Network
        The network.

    Returns
    -------
    links : list of Link
        One for each.

    Raises
    ------
    NIRError
        If one of them has no meaning in NIR.
    """
    links = [
        _of_connection(model, conn)
        for conn in net.all_connections
        if not isinstance(conn.post_obj, LearningRule)
    ]
    probing = {
        conn.post_obj: conn
        for conn in model.params
        if isinstance(conn, nengo.Connection) and isinstance(conn.post_obj, nengo.Probe)
    }
    probes = [_of_probe(model, probe, probing.get(probe)) for probe in net.all_probes]
    return links + probes


def _of_connection(model: Model, conn: nengo.Connection) -> Link:
    label, pre, post = name_of(conn), conn.pre_obj, conn.post_obj
    synapse = _whole_synapse(conn)
    if conn.solver.weights and isinstance(post, nengo.Ensemble):
        weights = model.params[conn].weights
        return Link(label, pre.neurons, post.neurons, weights, synapse)
    weights = _weights(model, conn)
    into = np.arange(post.size_in)[conn.post_slice]
    gains = np.ones(post.size_in)
    if isinstance(post, Neurons):
        gains = model.params[post.ensemble].gain
    if isinstance(pre, nengo.Ensemble):
        pre = pre.neurons
        out_of = np.arange(pre.size_out)
    else:
        out_of = np.arange(pre.size_out)[conn.pre_slice]
    whole = all(
        np.array_equal(chosen, np.arange(size))
        for chosen, size in ((into, post.size_in), (out_of, pre.size_out))
    )
    if weights is None and whole and (gains == 1).all():
        return Link(label, pre, post, None, synapse)
    if weights is None:
        weights = np.eye(len(into))
    matrix = np.zeros((post.size_in, pre.size_out))
    np.add.at(matrix, np.ix_(into, out_of), weights)
    matrix *= gains[:, None]
    uniform = (gains == gains[0]).all()
    if whole and uniform and isinstance(conn.transform, Convolution):
        kernel = gains[0] * np.array(model.params[conn].weights, np.float64)
        return Link(label, pre, post, matrix, synapse, conn.transform, kernel)
    return Link(label, pre, post, matrix, synapse)


def _whole_synapse(conn: nengo.Connection) -> Any:
    """The synapse of a connection, with a delay for each element of ``post``."""
    synapse, size = conn.synapse, conn.post_obj.size_in
    if not isinstance(synapse, Delay) or not synapse.steps.ndim or conn.solver.weights:
        return synapse
    into = np.arange(size)[conn.post_slice]
    steps = np.zeros(size)
    steps[into] = synapse.steps
    if not np.array_equal(steps[into], synapse.steps):
        raise NIRError(
            "it reaches an element by several delays: make a connection for each",
            name_of(conn),
        )
    return Delay(np.rint(steps))


def _of_probe(
    model: Model, probe: nengo.Probe, connection: nengo.Connection | None
) -> Link:
    label, target = name_of(probe), probe.obj
    if isinstance(target, nengo.Ensemble) and connection is not None:
        weights = _weights(model, connection)
        return Link(label, target.neurons, probe, weights, probe.synapse)
    if probe.attr != "output":
        raise NIRError(f"NIR has no output for {probe.attr!r} of {target}", label)
    chosen = np.arange(target.size_out)
    if isinstance(probe.target, ObjView):
        chosen = chosen[probe.target.slice]
    if np.array_equal(chosen, np.arange(target.size_out)):
        return Link(label, target, probe, None, probe.synapse)
    matrix = np.eye(target.size_out)[chosen]
    return Link(label, target, probe, matrix, probe.synapse)


def _weights(model: Model, conn: nengo.Connection) -> Array | None:
    """Weights of a connection, between its slices; None if it has none."""
    weights, transform = model.params[conn].weights, conn.transform
    if weights is None and isinstance(transform, NoTransform):
        return None
    if isinstance(transform, Convolution) and isinstance(conn.pre_obj, nengo.Ensemble):
        raise NIRError(
            "what is decoded cannot be convolved in NIR; connect the neurons",
            name_of(conn),
        )
    if isinstance(transform, Convolution):
        return convolution_matrix(transform, weights)
    if isinstance(weights, SparseMatrix) or hasattr(weights, "toarray"):
        return np.asarray(weights.toarray(), np.float64)
    weights = np.asarray(weights, np.float64)
    if weights.ndim < 2:
        return np.diag(np.broadcast_to(weights, conn.size_out))
    if weights.ndim != 2:
        raise NIRError(
            f"{type(transform).__name__} has no counterpart in NIR", name_of(conn)
        )
    return weights


def convolution_matrix(transform: Convolution, kernel: Array) -> Array:
    """Write a convolution as a matrix.

    Parameters
    ----------
    transform : nengo.Convolution
        The convolution.
    kernel : ndarray
        Its kernel, ``(*size, channels_in // groups, n_filters)``.

    Returns
    -------
    matrix : ndarray
        Weights, ``(size_out, size_in)``.
    """
    *size, per_group, n_filters = kernel.shape
    before, after = transform.input_shape, transform.output_shape
    tables = [
        indices.window(*lengths, 1, transform.padding)
        for lengths in zip(
            before.spatial_shape,
            after.spatial_shape,
            size,
            transform.strides,
            strict=True,
        )
    ]
    table = indices.combine(
        tables, before.spatial_shape, before.n_channels, transform.channels_last
    )
    n_windows = len(table)
    table = table.reshape(n_windows, -1, before.n_channels)
    order = np.arange(n_windows * n_filters)
    order = (
        order.reshape(n_windows, n_filters)
        if transform.channels_last
        else order.reshape(n_filters, n_windows).T
    )
    flat = kernel.reshape(-1, per_group, n_filters)
    matrix = np.zeros((after.size, before.size))
    per_filter_group = n_filters // transform.groups
    for filter_ in range(n_filters):
        first = filter_ // per_filter_group * per_group
        for channel in range(per_group):
            for element in range(len(flat)):
                read = table[:, element, first + channel]
                seen = read >= 0
                matrix[order[seen, filter_], read[seen]] += flat[
                    element, channel, filter_
                ]
    return matrix


def name_of(obj: Any) -> str:
    """Give the name by which a message speaks of an object."""
    label = getattr(obj, "label", None)
    return str(label if label else obj)
