"""What the connections of an ensemble share, while a network is built."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from nengo import Connection, Direct, Ensemble, Network
from nengo.builder import Model
from nengo.builder.connection import solve_for_decoders
from nengo.dists import Distribution
from nengo.solvers import Solver

from .factors import Array, Factors
from .rates import firing_rates
from .solvers import sharing


class LinearSystem:
    """An ensemble at some evaluation points, which any targets can be decoded from.

    Parameters
    ----------
    ensemble : nengo.Ensemble
        The ensemble.
    built : nengo.builder.ensemble.BuiltEnsemble
        Its parameters.
    eval_points : ndarray
        The evaluation points, ``(n_eval_points, dimensions)``.
    shared : bool
        Whether decoders are solved for more than once.
    """

    def __init__(
        self, ensemble: Ensemble, built: Any, eval_points: Array, *, shared: bool
    ) -> None:
        self.eval_points = eval_points
        self.shared = shared
        self._ensemble, self._built = ensemble, built
        self._factors: Factors | None = None
        self._solvers: dict[Solver, Solver | None] = {}

    @property
    def nbytes(self) -> int:
        """How much memory is kept, in bytes."""
        return 0 if self._factors is None else self._factors.nbytes

    def currents(self) -> Array:
        """Return what neurons are driven by before gain and bias.

        Returns
        -------
        currents : ndarray
            Products with encoders, ``(n_eval_points, n_neurons)``.
        """
        encoders = self._built.encoders.T / self._ensemble.radius
        return np.dot(self.eval_points, encoders)

    def solve(
        self,
        connection: Connection,
        gain: Array,
        bias: Array,
        currents: Array | None,
        targets: Array,
        rng: Any,
    ) -> tuple[Array, dict[str, Any]]:
        """Solve for decoders, as Nengo's function does that has these parameters.

        Parameters
        ----------
        connection : nengo.Connection
            The connection, whose solver is used.
        gain, bias : ndarray
            Gain and bias of the neurons, ``(n_neurons,)``.
        currents : ndarray, optional
            The result of `currents`, if it is known.
        targets : ndarray
            What to decode, ``(n_eval_points, size)``.
        rng : numpy.random.RandomState
            What the solver draws from.

        Returns
        -------
        decoders : ndarray
            The decoders, ``(n_neurons, size)``.
        info : dict
            What the solver says of them.

        Raises
        ------
        nengo.exceptions.BuildError
            If no neuron is active at any evaluation point.
        """
        if self._factors is None:
            x = self.currents() if currents is None else currents
            activities = firing_rates(self._ensemble.neuron_type, x, gain, bias)
            if not np.any(activities):  # Nengo's function raises the error
                return solve_for_decoders(connection, gain, bias, x, targets, rng)
            self._factors = Factors(activities)
        activities = self._factors.activities
        own = connection.solver
        if not self.shared:
            return own(activities, targets, rng=rng)
        if own not in self._solvers:
            self._solvers[own] = sharing(own, self._factors)
        solver = self._solvers[own]
        if solver is None:
            # in the same order, on which the last bits of sums depend
            solver, activities = own, activities.copy(order="K")
        return solver(activities, targets, rng=rng)


class LinearSystems:
    """The linear systems of a network's ensembles that further connections need.

    Those of an ensemble are kept until its last connection has been built. If they
    take too much memory, the ensemble whose connections were built longest ago must
    do without.

    Parameters
    ----------
    network : nengo.Network
        The network that is about to be built.
    max_bytes : int
        How much memory may be kept from one connection to the next, in bytes.
    """

    def __init__(self, network: Network, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._n_bytes = 0
        self._systems: dict[Ensemble, list[LinearSystem]] = {}
        self._sizes: dict[Ensemble, int] = {}
        sources = [connection.pre_obj for connection in network.all_connections]
        sources += [
            probe.obj for probe in network.all_probes if probe.attr == "decoded_output"
        ]
        self._n_left = Counter(
            source
            for source in sources
            if isinstance(source, Ensemble)
            and not isinstance(source.neuron_type, Direct)
        )

    def find(self, model: Model, connection: Connection, points: Array) -> LinearSystem:
        """Return the system that the decoders of a connection are solved with.

        Parameters
        ----------
        model : nengo.builder.Model
            The model, in which the ensemble has been built.
        connection : nengo.Connection
            The connection, which leaves an ensemble.
        points : ndarray
            Its evaluation points, ``(n_eval_points, dimensions)``.

        Returns
        -------
        system : LinearSystem
            The system, with what earlier connections have computed.
        """
        ensemble = connection.pre_obj
        for system in self._systems.get(ensemble, ()):
            if np.array_equal(system.eval_points, points):
                return system
        # Points that are drawn for a connection are no other's.
        drawn = isinstance(connection.eval_points, Distribution)
        shared = self._n_left[ensemble] > 1 and not drawn
        system = LinearSystem(ensemble, model.params[ensemble], points, shared=shared)
        if shared:
            self._systems.setdefault(ensemble, []).append(system)
        return system

    def release(self, ensemble: Ensemble) -> None:
        """Count a connection of an ensemble as built; keep what others need.

        Parameters
        ----------
        ensemble : nengo.Ensemble
            The ensemble that the connection leaves.
        """
        self._n_left[ensemble] -= 1
        systems = self._systems.pop(ensemble, [])
        self._n_bytes -= self._sizes.pop(ensemble, 0)
        if systems and self._n_left[ensemble] > 0:
            self._systems[ensemble] = systems  # at the end, as the latest
            self._sizes[ensemble] = sum(system.nbytes for system in systems)
            self._n_bytes += self._sizes[ensemble]
        while self._n_bytes > self._max_bytes:
            oldest = next(iter(self._systems))
            del self._systems[oldest]
            self._n_bytes -= self._sizes.pop(oldest)
