"""Builds a network into operators as Nengo does, with build functions of our own."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import nengo
import numpy as np
from nengo.builder import Model
from nengo.builder.operator import Operator
from nengo.builder.signal import SignalDict
from nengo.cache import DecoderCache

from nengo_dl_optimizer import SharedDecoderBuilder

_F = TypeVar("_F", bound=Callable[..., Any])


class NengoBuilder(SharedDecoderBuilder):
    """Nengo's builder with build functions of our own.

    A function that is registered here is used in our simulator only. For all other
    types Nengo's own build function is used, and what all connections of an ensemble
    share is computed once.
    """

    builders: ClassVar[Any] = ChainMap({}, SharedDecoderBuilder.builders)

    @classmethod
    def register(cls, nengo_class: type) -> Callable[[_F], _F]:
        """Make a function the one that builds objects of a type in our simulator.

        Parameters
        ----------
        nengo_class : type
            The type, for which Nengo may have a build function of its own.

        Returns
        -------
        decorator : callable
            Registers the function that it is applied to.
        """

        def decorator(build: _F) -> _F:
            cls.builders[nengo_class] = build
            return build

        return decorator


class NengoModel(Model):
    """Nengo's model, for operators that only our simulator can run.

    Parameters
    ----------
    *args
        Passed on to `nengo.builder.Model`.
    fail_fast : bool
        Call ``op.make_step`` for every operator that is added, as Nengo does, to find
        errors early. Our simulator does not use ``make_step``.
    **kwargs
        Passed on to `nengo.builder.Model`.
    """

    def __init__(self, *args: Any, fail_fast: bool = True, **kwargs: Any) -> None:
        self.fail_fast = fail_fast
        super().__init__(*args, **kwargs)

    def add_op(self, op: Operator) -> None:
        """Add an operator to the model.

        Parameters
        ----------
        op : nengo.builder.Operator
            The operator to be added.
        """
        self.operators.append(op)
        if self.fail_fast:
            signals = SignalDict()
            op.init_signals(signals)
            op.make_step(signals, self.dt, np.random)


def empty_model(
    network: nengo.Network | None, dt: float, decoder_cache: DecoderCache
) -> NengoModel:
    """Make the model to which a network is to be added.

    Parameters
    ----------
    network : nengo.Network or None
        The network, for the model's label.
    dt : float
        Length of a step, in seconds.
    decoder_cache : nengo.cache.DecoderCache
        Keeps decoders for the next time that they are solved for.

    Returns
    -------
    model : NengoModel
        A model without operators of the network.
    """
    return NengoModel(
        dt=float(dt),
        label=f"{network}, dt={dt:f}",
        decoder_cache=decoder_cache,
        builder=NengoBuilder(),
        fail_fast=False,
    )
