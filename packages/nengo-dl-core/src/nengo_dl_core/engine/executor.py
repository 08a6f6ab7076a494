"""The interface of executors, which run a program for some steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import nengo
import numpy.typing as npt

Array = npt.NDArray[Any]
Data = Mapping[nengo.Node, Array]


class Executor(Protocol):
    """Runs the steps of a simulation, in TensorFlow or in NumPy.

    Attributes
    ----------
    max_steps : int
        How many steps it can do in one call.
    """

    max_steps: int

    def run(self, steps: range, data: Data) -> list[Array]:
        """Simulate some steps; the state afterwards is that of the session.

        Parameters
        ----------
        steps : range
            Their numbers; the first one of a simulation is 1. There are not more than
            ``max_steps``.
        data : dict of {nengo.Node: ndarray}
            Output of input Nodes, ``(minibatch_size, n_steps, size_out)``, in place of
            what they define.

        Returns
        -------
        values : list of ndarray
            What each probe records, ``(n_samples, minibatch_size, ...)``.
        """
