"""Builds networks as Nengo does, with decoders that are solved for together."""

from __future__ import annotations

from collections import ChainMap
from typing import Any, ClassVar

from nengo import Connection, Network
from nengo.builder import Builder, Model
from nengo.builder.connection import build_decoders, get_eval_points
from nengo.cache import NoDecoderCache
from nengo.solvers import Solver

from .factors import Array
from .systems import LinearSystems
from .targets import targets_at


def _build_solver(
    model: Model, solver: Solver, connection: Connection, rng: Any
) -> tuple[Array, Array, dict[str, Any]]:
    """Solve for the decoders of a connection."""
    ensemble = connection.pre_obj
    systems = (_kept(model) or {}).get(model)
    if systems is None or (solver.weights and not solver.compositional):
        return build_decoders(model, connection, rng)
    points = get_eval_points(model, connection, rng)
    targets = targets_at(connection, points)
    system = systems.find(model, connection, points)
    built = model.params[ensemble]
    solve, currents = system.solve, None
    if model.seeded[connection] and not isinstance(model.decoder_cache, NoDecoderCache):
        solve = model.decoder_cache.wrap_solver(system.solve)
        currents = system.currents()  # which decoders are looked up by
    decoders, info = solve(
        connection, built.gain, built.bias, currents, targets, rng=rng
    )
    return points, decoders.T, info


class SharedDecoderBuilder(Builder):
    """Nengo's builder, which computes once what connections of an ensemble share.

    All connections and probes that leave an ensemble with the same evaluation points
    share its activities, and those with the same solver the factorization of its
    equations, also where their functions differ. Decoders are those of Nengo, to the
    bit; with the solver `nengo.solvers.Lstsq` to rounding. Nengo's cache of decoders is
    used as ever.

    Functions that are an expression of coordinates and numbers, without branches and
    without anything that their code does not show, are evaluated for all points at
    once; all others are called as often as by Nengo, and in its order.

    Factorizations are shared by the solvers ``LstsqL2``, ``LstsqL2nz`` and
    ``LstsqDrop`` with the methods ``Cholesky`` and ``SVD``, and by ``Lstsq``; the
    others share activities. Nothing is shared by connections whose evaluation points
    are a distribution, and by solvers for full weights that are not compositional.

    Parameters
    ----------
    max_bytes : int
        How much memory may be kept from one connection to the next, in bytes. What
        belongs to an ensemble is kept until its last connection has been built at most.

    Examples
    --------
    >>> import nengo
    >>> from nengo_dl_optimizer import SharedDecoderBuilder
    >>> with nengo.Network(seed=0) as net:
    ...     ensemble = nengo.Ensemble(50, 1)
    ...     value, square = nengo.Node(size_in=1), nengo.Node(size_in=1)
    ...     _ = nengo.Connection(ensemble, value)
    ...     _ = nengo.Connection(ensemble, square, function=lambda x: x**2)
    >>> model = nengo.builder.Model(builder=SharedDecoderBuilder())
    >>> with nengo.Simulator(net, model=model, progress_bar=False) as sim:
    ...     sim.run(0.1)
    """

    builders: ClassVar[Any] = ChainMap({Solver: _build_solver}, Builder.builders)

    def __init__(self, max_bytes: int = 2**30) -> None:
        self.max_bytes = max_bytes
        self._systems: dict[Model, LinearSystems] = {}

    @classmethod
    def build(cls, model: Model, obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Build an object into a model.

        Parameters
        ----------
        model : nengo.builder.Model
            The model.
        obj : object
            The object.
        *args, **kwargs
            Passed on to the function that builds such objects.

        Returns
        -------
        built : object
            What the function returns.
        """
        kept = _kept(model)
        if kept is None:
            return super().build(model, obj, *args, **kwargs)
        if isinstance(obj, Network) and model not in kept:
            kept[model] = LinearSystems(obj, model.builder.max_bytes)
            try:
                return super().build(model, obj, *args, **kwargs)
            finally:
                del kept[model]
        built = super().build(model, obj, *args, **kwargs)
        if isinstance(obj, Connection) and model in kept:
            kept[model].release(obj.pre_obj)
        return built


def _kept(model: Model) -> dict[Model, LinearSystems] | None:
    """Return what a model's builder keeps for networks that it builds at present."""
    builder = model.builder
    return builder._systems if isinstance(builder, SharedDecoderBuilder) else None
