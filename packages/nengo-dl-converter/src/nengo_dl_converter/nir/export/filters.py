r"""Linear filters as leaky integrators, in parallel and in series.

In discrete time a filter without complex poles is

.. math:: H(z) = \frac{b_0 + b_1 z^{-1} + \dots + b_n z^{-n}}
   {(1 - a_1 z^{-1}) \cdots (1 - a_n z^{-1})},

and a leaky integrator with the same pole, by whatever discretization,
:math:`L_k(z) = (1 - a_k) / (1 - a_k z^{-1})`. The products
:math:`1, L_1, L_1 L_2, \dots, L_1 \cdots L_n` span all such filters, so that

.. math:: H = c_0 + c_1 L_1 + c_2 L_1 L_2 + \dots + c_n L_1 \cdots L_n,

where the :math:`c_k` solve a system of linear equations between the coefficients of
the numerators. For `nengo.Lowpass` only :math:`c_1` is not zero, for `nengo.Alpha`
there are :math:`c_1` and :math:`c_2`.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from nengo.synapses import LinearFilter

from nengo_dl_core import Delay

from ..errors import NIRError
from .draft import Draft
from .layouts import Layout
from .links import Link

Array = npt.NDArray[np.float64]


class Stages(NamedTuple):
    """A filter as a sum of products of leaky integrators.

    Attributes
    ----------
    poles : list of float
        The pole of each integrator, between 0 and 1.
    coefficients : list of float
        Coefficients of the sum: first that of the input itself.
    """

    poles: list[float]
    coefficients: list[float]


def stages_of(synapse: LinearFilter, dt: float, label: str) -> Stages:
    """Find the leaky integrators that make up a filter.

    Parameters
    ----------
    synapse : nengo.LinearFilter
        The filter.
    dt : float
        Length of a step, in seconds.
    label : str
        Name of the connection, for messages.

    Returns
    -------
    stages : Stages
        The same filter, but for the step by which Nengo delays all synapses.

    Raises
    ------
    NIRError
        If it oscillates, or does not decay.
    """
    state = synapse.make_state((1,), (1,), dt)
    step = synapse.make_step((1,), (1,), dt, None, state)
    poles = np.linalg.eigvals(step.A) if step.A.size else np.zeros(0)
    if np.abs(np.imag(poles)).max(initial=0) > 1e-6:
        raise NIRError(f"{synapse} oscillates, which no LI of NIR does", label)
    poles = np.sort(np.real(poles))
    if not ((poles > 0) & (poles < 1)).all():
        raise NIRError(
            f"{synapse} has the poles {poles.tolist()}; an LI has one between 0 and 1",
            label,
        )
    n = len(poles)
    impulse = np.array([step(0.0, np.array([x])).item() for x in [1.0, *[0.0] * n]])
    numerator = np.convolve(impulse, np.atleast_1d(np.poly(poles)))[: n + 1]
    columns = []
    for k in range(n + 1):
        column = np.atleast_1d(np.poly(poles[k:])) * np.prod(1 - poles[:k])
        columns.append(np.pad(column, (0, n + 1 - len(column))))
    coefficients = np.linalg.solve(np.stack(columns, axis=1), numerator)
    small = np.abs(coefficients) < 1e-12 * np.abs(coefficients).max(initial=0)
    return Stages(poles.tolist(), np.where(small, 0.0, coefficients).tolist())


def add_filter(
    draft: Draft, name: str, link: Link, label: str, layout: Layout, discretization: str
) -> str:
    """Add the filter of a link to a graph, and the step that synapses cost in Nengo.

    Parameters
    ----------
    draft : Draft
        The graph.
    name : str
        The node whose output is filtered.
    link : Link
        The link.
    label : str
        What the names of the nodes begin with.
    layout : Layout
        How what is filtered is arranged.
    discretization : "exact" or "euler"
        How a step of the graph will be computed.

    Returns
    -------
    name : str
        The node that gives the output of the filter.

    Raises
    ------
    NIRError
        If NIR has no such filter.
    """
    shape = layout.shape
    if isinstance(link.synapse, Delay):
        steps = np.broadcast_to(np.rint(link.synapse.steps), prod(shape))
        delay = layout.arranged(steps) * draft.dt
        if delay.any():
            name = draft.add(f"{label}.delay", "Delay", shape, name, delay=delay)
        return draft.add_step(f"{label}.step", shape, name)
    if not isinstance(link.synapse, LinearFilter):
        raise NIRError(f"NIR has no filter like {link.synapse}", link.label)
    poles, coefficients = stages_of(link.synapse, draft.dt, link.label)
    while coefficients[1:] and not coefficients[-1]:
        del coefficients[-1], poles[-1]
    parts = []
    for k, coefficient in enumerate(coefficients):
        last = k == len(coefficients) - 1
        if k:
            exact = discretization == "exact"
            rate = -np.log(poles[k - 1]) if exact else 1 - poles[k - 1]
            name = draft.add(
                f"{label}.filter{k}",
                "LI",
                shape,
                name,
                tau=np.full(shape, draft.dt / rate),
                r=np.full(shape, coefficient if last else 1.0),
                v_leak=np.zeros(shape),
            )
        if coefficient == 1 or (last and k):
            parts.append(name)
        elif coefficient:
            scale = np.full(shape, coefficient)
            parts.append(
                draft.add(f"{label}.part{k}", "Scale", shape, name, scale=scale)
            )
    return draft.add_step(f"{label}.step", shape, *parts)
