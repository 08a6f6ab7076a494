r"""The largest or smallest of several values, natively.

Rectified linear neurons compute it, by

.. math:: \max(x, y) = y + \max(x - y, 0), \quad \min(x, y) = -\max(-x, -y),

for pairs, and then for pairs of what is left, so that ``n`` values take ``n - 1``
neurons.

Of spikes the largest in a step says little: what counts is which of the neurons has
spiked more often so far, as in the gated max pooling of Rueckauer et al. (2017). So all
inputs are counted up, and the output is what the largest sum gains in a step. The mean
of the outputs is then the largest of the mean inputs, after any number of steps, and
where inputs are constant each output is the largest of them.

References
----------
B. Rueckauer, I.-A. Lungu, Y. Hu, M. Pfeiffer, S.-C. Liu (2017): Conversion of
continuous-valued deep networks to efficient event-driven networks for image
classification. Frontiers in Neuroscience 11:682.
"""

from __future__ import annotations

import nengo
import numpy as np
from nengo.base import NengoObject

from .populations import Populations


def add_extremum(
    populations: Populations,
    pre: NengoObject,
    table: np.ndarray,
    *,
    sign: float = 1.0,
    counted: bool = False,
    label: str | None = None,
) -> NengoObject:
    """Add what computes the largest, or the smallest, of elements of an object.

    Parameters
    ----------
    populations : Populations
        Adds the objects.
    pre : NengoObject
        The object.
    table : numpy.ndarray
        For each output, the elements of ``pre`` that it is the largest of; shape
        ``(n_outputs, n_elements)``.
    sign : float
        1 for the largest, -1 for the smallest.
    counted : bool
        Whether to compare the sums of all inputs so far, instead of those of a step.
    label : str, optional
        Label of the objects.

    Returns
    -------
    output : nengo.Node
        Has the outputs, shape ``(n_outputs,)``.
    """
    if counted:
        total = populations.add((pre.size_out,), label=label)
        populations.connect(pre, total)
        populations.connect(total, total, synapse=0)  # the sum of the step before
        pre = total
    while table.shape[1] > 1:
        pre, table = _halve(populations, pre, table, sign, label)
    output = populations.add((len(table),), label=label)
    populations.gather(pre, table, output)
    if counted:
        populations.gather(pre, table, output, transform=-1, synapse=0)
    return output


def _halve(
    populations: Populations,
    pre: NengoObject,
    table: np.ndarray,
    sign: float,
    label: str | None,
) -> tuple[NengoObject, np.ndarray]:
    """Replace pairs of elements by the larger or smaller one.

    Returns
    -------
    obj : NengoObject
        Has what is left.
    table : numpy.ndarray
        Its elements for each output, shape ``(n_outputs, (n_elements + 1) // 2)``.
    """
    n_outputs, n_elements = table.shape
    n_pairs = n_elements // 2
    first, second = table[:, :n_pairs], table[:, n_pairs : 2 * n_pairs]
    excess = populations.add((first.size,), nengo.RectifiedLinear(), label=label)
    populations.gather(pre, first, excess, transform=sign)
    populations.gather(pre, second, excess, transform=-sign)

    left = populations.add((n_outputs * (n_elements - n_pairs),), label=label)
    remaining = np.arange(left.size_in).reshape(n_outputs, -1)
    populations.gather(pre, table[:, n_pairs:], left)
    places = np.full_like(remaining, -1)
    places[:, :n_pairs] = np.arange(first.size).reshape(first.shape)
    populations.gather(excess, places, left, transform=sign, synapse=None)
    return left, remaining
