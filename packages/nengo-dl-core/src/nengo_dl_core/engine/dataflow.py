"""What depends on what within a TensorFlow graph."""

from __future__ import annotations

from collections.abc import Iterable

import tensorflow as tf


def dependent(sources: Iterable[tf.Tensor], graph: tf.Graph) -> set[str]:
    """Find everything that is computed from tensors.

    Parameters
    ----------
    sources : list of tf.Tensor
        Tensors of the graph.
    graph : tf.Graph
        The graph.

    Returns
    -------
    names : set of str
        Names of tensors; those of the sources, too.
    """
    found = {x.name for x in sources}
    for op in graph.get_operations():  # each one after those that it depends on
        if any(x.name in found for x in op.inputs):
            found.update(x.name for x in op.outputs)
    return found


class Needed:
    """Collects everything that tensors are computed from.

    Attributes
    ----------
    names : set of str
        Names of tensors.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()

    def add(self, tensors: Iterable[tf.Tensor]) -> None:
        """Add tensors, and what they are computed from.

        Parameters
        ----------
        tensors : list of tf.Tensor
            Tensors of one graph.
        """
        left = list(tensors)
        while left:
            tensor = left.pop()
            if tensor.name not in self.names:
                self.names.add(tensor.name)
                inputs = tensor.op.inputs
                if tensor.op.type == "IdentityN":  # as `tf.custom_gradient` makes
                    inputs = [inputs[tensor.value_index]]
                left.extend(inputs)

    def among(self, tensors: Iterable[tf.Tensor]) -> list[int]:
        """Find out which tensors are in the collection.

        Parameters
        ----------
        tensors : list of tf.Tensor
            Tensors of the graph.

        Returns
        -------
        indices : list of int
            The positions of those that are.
        """
        return [i for i, x in enumerate(tensors) if x.name in self.names]
