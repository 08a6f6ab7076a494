"""Nengo's solvers, with factorizations that they share.

What a solver does besides stays Nengo's own code: the solver is only given another
method for least squares, which asks for the factorization instead of computing it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from nengo.solvers import (
    Lstsq,
    LstsqDrop,
    LstsqL2,
    LstsqL2nz,
    LstsqMultNoise,
    LstsqNoise,
    Solver,
)
from nengo.utils.least_squares_solvers import (
    SVD,
    Cholesky,
    LeastSquaresSolver,
    RandomizedSVD,
    rmses,
)

from .factors import Array, Factors

# With a smaller cut-off, two ways to compute the decomposition agree to fewer digits.
_SMALLEST_CUT_OFF = 1e-3

_Solution = tuple[Array, dict[str, Any]]


def sharing(solver: Solver, factors: Factors) -> Solver | None:
    """Return a solver that gives the same, and shares factorizations with others.

    Parameters
    ----------
    solver : nengo.solvers.Solver
        A solver.
    factors : Factors
        What there is to share. The result must be called with these activities.

    Returns
    -------
    sharing : nengo.solvers.Solver or None
        The solver, or None if it has nothing to share, or may change the activities
        that it is called with.
    """
    adapt = _ADAPTED.get(type(solver))
    return None if adapt is None else adapt(solver, factors)


def _regularized(solver: LstsqL2, factors: Factors) -> Solver | None:
    method = _METHODS.get(type(solver.solver))
    if method is None:
        return None
    return type(solver)(reg=solver.reg, solver=method(solver.solver, factors))


def _dropping(solver: LstsqDrop, factors: Factors) -> Solver | None:
    first = sharing(solver.solver1, factors)
    if first is None:
        return None
    return LstsqDrop(drop=solver.drop, solver1=first, solver2=solver.solver2)


def _unregularized(solver: Lstsq, factors: Factors) -> Solver | None:
    return _SharedLstsq(solver, factors) if solver.rcond >= _SMALLEST_CUT_OFF else None


# Noise makes another matrix of each connection's activities.
_ADAPTED: dict[type[Solver], Callable[[Any, Factors], Solver | None]] = {
    Lstsq: _unregularized,
    LstsqDrop: _dropping,
    LstsqL2: _regularized,
    LstsqL2nz: _regularized,
    LstsqMultNoise: lambda solver, _: solver,
    LstsqNoise: lambda solver, _: solver,
}


class _SharedLstsq(Solver):
    """Least squares by the singular values that are not small."""

    def __init__(self, solver: Lstsq, factors: Factors) -> None:
        super().__init__()
        self._solver, self._factors = solver, factors

    def __call__(self, A: Array, Y: Array, rng: Any = np.random) -> _Solution:
        start = time.time()
        u, s, vt = self._factors.svd()
        rank = np.count_nonzero(s > self._solver.rcond * s[0])
        scaled = np.dot(u[:, :rank].T, Y) / s[:rank, None]
        x = np.dot(vt[:rank].T, scaled)
        exact = rank == A.shape[1] < A.shape[0]  # else NumPy gives no residuals
        residuals = np.linalg.norm(Y - np.dot(A, x), axis=0) if exact else np.zeros(0)
        info = {
            "rmses": rmses(A, x, Y),
            "residuals": residuals,
            "rank": rank,
            "singular_values": s,
            "time": time.time() - start,
        }
        return x, info


class _SharedMethod(LeastSquaresSolver):
    """A method for least squares, by factorizations that are there already."""

    def __init__(self, method: LeastSquaresSolver, factors: Factors) -> None:
        super().__init__()
        self._method, self._factors = method, factors

    def __call__(self, A: Array, Y: Array, sigma: Any, rng: Any = None) -> _Solution:
        def solve() -> tuple[Array, Array]:
            x = self._solved(A, Y, sigma)
            return x, rmses(A, x, Y)

        # All of the same type and parameters solve in the same way
        method = self._method, np.asarray(sigma).tobytes()
        x, errors = self._factors.decoders(method, Y, solve)
        return x, {"rmses": errors}

    def _solved(self, a: Array, targets: Array, sigma: Any) -> Array:
        """Solve the equations, of which factorizations may have been computed."""
        raise NotImplementedError


class _SharedCholesky(_SharedMethod):
    """Least squares by the Cholesky factorization of the normal equations."""

    def _solved(self, a: Array, targets: Array, sigma: Any) -> Array:
        transposed = self._method.transpose
        if transposed is None:
            transposed = a.shape[0] < a.shape[1] and np.size(sigma) == 1
        solve = self._factors.solution(sigma, transposed=transposed)
        return (
            np.dot(a.T, solve(targets)) if transposed else solve(np.dot(a.T, targets))
        )


class _SharedSVD(_SharedMethod):
    """Least squares by the singular value decomposition."""

    def _solved(self, a: Array, targets: Array, sigma: Any) -> Array:
        u, s, vt = self._factors.svd()
        inverse = s / (s**2 + len(a) * sigma**2)
        return np.dot(vt.T, inverse[:, None] * np.dot(u.T, targets))


def _randomized(method: RandomizedSVD, factors: Factors) -> LeastSquaresSolver:
    """Share what is not random: a matrix that is too small for randomized methods."""
    n_columns = method.n_components + method.n_oversamples
    if min(factors.activities.shape) <= n_columns:
        return _SharedSVD(method, factors)
    return method


_METHODS: dict[type[LeastSquaresSolver], Callable[..., LeastSquaresSolver]] = {
    Cholesky: _SharedCholesky,
    RandomizedSVD: _randomized,
    SVD: _SharedSVD,
}
