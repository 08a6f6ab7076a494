"""Factorizations of a matrix of activities, each computed when it is first needed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Factors:
    """The activities of an ensemble, and their factorizations.

    Parameters
    ----------
    activities : ndarray
        Firing rates, ``(n_eval_points, n_neurons)``, which do not change.
    """

    def __init__(self, activities: Array) -> None:
        self.activities = activities
        self._solutions: dict[tuple[bytes, bool], tuple[Callable[..., Array], int]] = {}
        self._svd: tuple[Array, Array, Array] | None = None
        self._decoders: list[tuple[Hashable, Array, tuple[Array, Array]]] = []

    @property
    def nbytes(self) -> int:
        """How much memory it all takes, in bytes."""
        return sum(self._sizes())

    def _sizes(self) -> Iterator[int]:
        yield self.activities.nbytes
        yield from (size for _, size in self._solutions.values())
        yield from (array.nbytes for array in self._svd or ())
        for _, targets, decoded in self._decoders:
            yield from (array.nbytes for array in (targets, *decoded))

    def decoders(
        self,
        method: Hashable,
        targets: Array,
        solve: Callable[[], tuple[Array, Array]],
    ) -> tuple[Array, Array]:
        """Return decoders, as they have been solved for before if they have been.

        Parameters
        ----------
        method : hashable
            What decoders depend on besides activities and targets.
        targets : ndarray
            What to decode, ``(n_eval_points, size)``.
        solve : callable
            Solves for decoders, and tells how far they are from the targets.

        Returns
        -------
        decoders : ndarray
            The decoders, ``(n_neurons, size)``.
        rmses : ndarray
            Root mean squared error of each column, ``(size,)``.
        """
        known = (
            decoded
            for other, at, decoded in self._decoders
            if other == method and np.array_equal(at, targets)
        )
        decoded = next(known, None)
        if decoded is None:
            decoded = solve()
            self._decoders.append((method, targets, decoded))
        # in the same order, on which the last bits of sums depend
        decoders, errors = decoded
        return decoders.copy(order="K"), errors.copy()

    def solution(self, sigma: Any, *, transposed: bool) -> Callable[[Array], Array]:
        """Return what solves the regularized normal equations.

        They are ``(A' A + m sigma^2) x = b``, for ``m`` evaluation points and
        activities ``A``, or ``(A A' + m sigma^2) x = b``.

        Parameters
        ----------
        sigma : float or ndarray
            The regularization, in Hertz: one number, or one for each row.
        transposed : bool
            Whether these are the equations with ``A A'``.

        Returns
        -------
        solve : callable
            From right-hand sides ``b``, one in each column, to solutions.
        """
        key = np.asarray(sigma).tobytes(), transposed
        if key not in self._solutions:
            a = self.activities.T if transposed else self.activities
            gram = np.dot(a.T, a)
            variance = len(self.activities) * sigma**2
            np.fill_diagonal(gram, gram.diagonal() + variance)
            self._solutions[key] = _solution(gram), gram.nbytes
        return self._solutions[key][0]

    def svd(self) -> tuple[Array, Array, Array]:
        """Return the singular value decomposition ``U, s, V'`` of the activities."""
        if self._svd is None:
            self._svd = np.linalg.svd(self.activities, full_matrices=False)
        return self._svd


def _solution(gram: Array) -> Callable[[Array], Array]:
    """Factorize a positive definite matrix; return what solves with the factor."""
    try:
        from scipy.linalg import cho_factor, cho_solve
    except ImportError:
        inverse = np.linalg.inv(np.linalg.cholesky(gram).T)
        return lambda b: np.dot(inverse, np.dot(inverse.T, b))
    factor = cho_factor(gram, overwrite_a=True)
    return lambda b: cho_solve(factor, b)
