"""What is the same in every step, and becomes a bias."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import nengo
import numpy as np
import numpy.typing as npt
from nengo.builder import Model
from nengo.ensemble import Neurons

from .links import Link

Array = npt.NDArray[np.float64]


def constants_of(
    nodes: Iterable[nengo.Node], links: Sequence[Link]
) -> dict[nengo.Node, Array]:
    """Find the Nodes whose output is constant, and not zero.

    Those whose output is zero are taken for inputs.

    Parameters
    ----------
    nodes : iterable of nengo.Node
        Nodes.
    links : list of Link
        All links of the network.

    Returns
    -------
    constants : dict of {nengo.Node: ndarray}
        Their output: of Nodes that have it, and of those that hand on nothing else.
    """
    constants = {
        node: np.atleast_1d(node.output).astype(np.float64)
        for node in nodes
        if isinstance(node.output, np.ndarray) and node.output.any()
    }
    arriving: dict[nengo.Node, list[Link]] = {}
    for link in links:
        if isinstance(link.post, nengo.Node):
            arriving.setdefault(link.post, []).append(link)
    while True:
        found = {
            node: sum(carried(link, constants) for link in into)
            for node, into in arriving.items()
            if node not in constants
            and all(is_folded(link, constants) for link in into)
        }
        if not found:
            return constants
        constants |= found


def is_folded(link: Link, constants: Mapping[Any, Array]) -> bool:
    """Tell whether what a link carries is constant from the first step on."""
    return link.pre in constants and link.synapse is None


def carried(link: Link, constants: Mapping[Any, Array]) -> Any:
    """Give what a link from a constant carries."""
    value = constants[link.pre]
    return value if link.matrix is None else link.matrix @ value


def biases_of(
    model: Model,
    populations: Iterable[Neurons],
    links: Sequence[Link],
    constants: Mapping[Any, Array],
) -> dict[Any, Array]:
    """Add up all that is constant, for each object where it arrives.

    Parameters
    ----------
    model : nengo.builder.Model
        The built network.
    populations : iterable of nengo.ensemble.Neurons
        All neurons.
    links : list of Link
        All links of the network.
    constants : dict of {nengo.Node: ndarray}
        What is constant.

    Returns
    -------
    biases : dict of {NengoObject: ndarray}
        Those that are not zero: of Nodes, Probes and Neurons; of an Ensemble, after
        encoders, if anything is encoded.
    """
    encoded = {link.post for link in links if isinstance(link.post, nengo.Ensemble)}
    biases: dict[Any, Array] = {}
    for neurons in populations:
        ensemble = neurons.ensemble
        target = ensemble if ensemble in encoded else neurons
        biases[target] = np.array(model.params[ensemble].bias, np.float64)
    for link in links:
        if is_folded(link, constants) and link.post not in constants:
            value, post = carried(link, constants), link.post
            if isinstance(post, nengo.Ensemble):
                value = model.params[post].scaled_encoders @ value
            biases[post] = biases.get(post, 0.0) + value
    return {obj: bias for obj, bias in biases.items() if bias.any()}
