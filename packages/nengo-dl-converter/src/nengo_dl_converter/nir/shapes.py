"""Shapes of what nodes take and give.

They are inferred from the inputs onwards, and from the parameters; what a file says of
them beside that does not count. Shapes are without batch and time, channels first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from .errors import NIRError
from .flattening import Edge, Flat
from .graph import Node
from .parameters import ELEMENTWISE
from .windows import axes_of

Shape = tuple[int, ...]


class Shapes(NamedTuple):
    """Shapes of a node.

    Attributes
    ----------
    taken, given : tuple of int
        Shape of its input and of its output.
    """

    taken: Shape
    given: Shape


def infer_shapes(
    flat: Flat, order: Sequence[str], delayed: Collection[Edge]
) -> dict[str, Shapes]:
    """Infer the shapes of all nodes.

    Parameters
    ----------
    flat : Flat
        The graph.
    order : list of str
        Names of the nodes, each after those that feed it.
    delayed : set of (str, str)
        Edges that do not count for the order.

    Returns
    -------
    shapes : dict of {str: Shapes}
        Shapes by name.

    Raises
    ------
    NIRError
        If shapes do not fit together, or a node's shape cannot be known.
    """
    shapes: dict[str, Shapes] = {}
    after_windows: set[str] = set()
    for name in order:
        node = flat.nodes[name]
        feeding = [pre for pre, post in flat.edges if post == name]
        arriving = {pre: shapes[pre].given for pre in feeding if pre in shapes}
        own = _own_shape(name, node)
        if node.kind in _WINDOWS or not after_windows.isdisjoint(arriving):
            after_windows.add(name)
            if node.kind == "Output" and arriving:
                own = None  # what `nir` infers there can be wrong
        taken = own if own is not None else next(iter(arriving.values()), None)
        if taken is None:
            raise NIRError(f"nothing says what shape a {node.kind} has here", name)
        for pre, shape in arriving.items():
            _check(name, node, taken, pre, shape)
        shapes[name] = Shapes(taken, _given(name, node, taken))
    for pre, post in delayed:
        _check(post, flat.nodes[post], shapes[post].taken, pre, shapes[pre].given)
    return shapes


def _check(name: str, node: Node, taken: Shape, pre: str, shape: Shape) -> None:
    if shape != taken:
        raise NIRError(
            f"the shape {shape} of {pre!r} does not fit: this {node.kind} takes "
            f"{taken}",
            name,
        )


_WINDOWS = ("Conv1d", "Conv2d", "SumPool2d", "AvgPool2d")


def _own_shape(name: str, node: Node) -> Shape | None:
    """The shape of the input as the node itself says it; None if it does not."""
    if node.kind in ("Input", "Output"):
        return node["shape"]  # None for an Output that does not say
    if node.kind in ("Affine", "Linear"):
        *batch, _, size_in = node["weight"].shape
        return (*batch, size_in)
    if node.kind in ELEMENTWISE:
        found = {
            np.shape(value): parameter
            for parameter, value in node.parameters.items()
            if np.ndim(value)
        }
        if len(found) > 1:
            raise NIRError(
                "its parameters have different shapes: "
                + ", ".join(f"{name} {shape}" for shape, name in found.items()),
                name,
            )
        return next(iter(found), None)
    return None


def _given(name: str, node: Node, taken: Shape) -> Shape:
    rule = _RULES.get(node.kind)
    given = rule(name, node, taken) if rule else taken
    if min(given, default=1) < 1:
        raise NIRError(f"of an input of shape {taken} nothing is left", name)
    return given


def _affine(name: str, node: Node, taken: Shape) -> Shape:
    given: Shape = tuple(node["weight"].shape[:-1])
    if "bias" in node.parameters:
        bias = np.shape(node["bias"])
        if bias != () and bias not in (given, given[-1:]):
            raise NIRError(f"its bias has shape {bias}, its output {given}", name)
    return given


def _convolution(name: str, node: Node, taken: Shape) -> Shape:
    n_filters, per_group, *size = node["weight"].shape
    groups = node["groups"]
    _check_axes(name, node, taken, len(size) + 1)
    if n_filters % groups or taken[0] != per_group * groups:
        raise NIRError(
            f"{taken[0]} channels come in, and there are {groups} groups of "
            f"{per_group}, {n_filters} filters",
            name,
        )
    if np.shape(node["bias"]) not in ((), (n_filters,)):
        raise NIRError(
            f"its bias has shape {np.shape(node['bias'])}, for {n_filters} filters",
            name,
        )
    return (n_filters, *_positions(name, node, taken))


def _pool(name: str, node: Node, taken: Shape) -> Shape:
    _check_axes(name, node, taken, 3)
    return (taken[0], *_positions(name, node, taken))


def _positions(name: str, node: Node, taken: Shape) -> list[int]:
    axes = axes_of(name, node)
    return [axis.n_windows(n) for axis, n in zip(axes, taken[1:], strict=True)]


def _check_axes(name: str, node: Node, taken: Shape, n_axes: int) -> None:
    if len(taken) != n_axes:
        raise NIRError(
            f"a {node.kind} takes {n_axes} axes, channels first, not shape {taken}",
            name,
        )


def _flatten(name: str, node: Node, taken: Shape) -> Shape:
    n_axes = len(taken)
    start, end = node["start_dim"], node["end_dim"]
    if not (-n_axes <= start < n_axes and -n_axes <= end < n_axes):
        raise NIRError(
            f"axes {start} to {end} are not all among the {n_axes} of {taken}", name
        )
    start, end = start % n_axes, end % n_axes
    if start > end:
        raise NIRError(f"axis {start} comes after axis {end}", name)
    return (*taken[:start], prod(taken[start : end + 1]), *taken[end + 1 :])


_RULES: dict[str, Callable[[str, Node, Shape], Shape]] = {
    "Affine": _affine,
    "Linear": _affine,
    "Conv1d": _convolution,
    "Conv2d": _convolution,
    "SumPool2d": _pool,
    "AvgPool2d": _pool,
    "Flatten": _flatten,
}
