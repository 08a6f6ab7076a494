"""Learning rules: `nengo.builder.learning_rules`.

Each rule gives the change of a matrix of weights, ``(n_post, n_pre)``. Rules of a group
whose matrices are as large as each other are computed at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import numpy as np

from ..memory import Array, Memory, Step
from .makers import Group, KernelMaker, alike, shapes


class _Signals:
    """The signals of equal operators, stacked, and the steps that read them."""

    def __init__(self, ops: list[Any], memory: Memory) -> None:
        self.ops = ops
        self.load: list[Step] = []
        self._memory = memory

    def column(self, name: str) -> Array:
        """Return vectors as columns, ``(..., n_ops, size, 1)``."""
        return self._stacked(name, -1, 1)

    def row(self, name: str) -> Array:
        """Return vectors as rows, ``(..., n_ops, 1, size)``."""
        return self._stacked(name, 1, -1)

    def matrix(self, name: str) -> Array:
        """Return matrices, ``(..., n_ops, n_rows, n_columns)``."""
        return self._stacked(name, *getattr(self.ops[0], name).shape)

    def _stacked(self, name: str, *shape: int) -> Array:
        slot = self._memory.slot([getattr(op, name) for op in self.ops])
        self.load += slot.load
        return slot.shaped(len(self.ops), *shape)

    def numbers(self, values: list[Any]) -> Array:
        """Return a number for each operator, ``(n_ops, 1, 1)``."""
        dtype = self._memory.dtype(self.ops[0].delta)
        return np.array(values, dtype)[:, None, None]


def _rule(rule: Callable[[_Signals, float, Array], list[Step]]) -> KernelMaker:
    """Make a kernel of a rule that writes the change of weights into an array."""

    @wraps(rule)
    def make(group: Group, memory: Memory, dt: float, /) -> list[Step]:
        steps: list[Step] = []
        for ops in alike(group, shapes):
            signals = _Signals(ops, memory)
            slot = memory.slot([op.delta for op in ops])
            change = slot.shaped(len(ops), *ops[0].delta.shape)
            compute = rule(signals, dt, change)
            steps += [*signals.load, *compute, *slot.store]
        return steps

    return make


@_rule
def pes(signals: _Signals, dt: float, change: Array) -> list[Step]:
    """Change weights by ``-rate dt / n_pre * error * pre``."""
    n_pre = signals.ops[0].pre_filtered.shape[0]
    rate = signals.numbers([-op.learning_rate * dt / n_pre for op in signals.ops])
    error, pre = signals.column("error"), signals.row("pre_filtered")
    scaled = np.zeros_like(error)
    return [
        partial(np.multiply, rate, error, scaled),
        partial(np.multiply, scaled, pre, change),
    ]


@_rule
def bcm(signals: _Signals, dt: float, change: Array) -> list[Step]:
    """Change weights by ``rate dt * post * (post - theta) * pre``."""
    rate = signals.numbers([op.learning_rate * dt for op in signals.ops])
    pre = signals.row("pre_filtered")
    post, theta = signals.column("post_filtered"), signals.column("theta")
    shape = np.broadcast_shapes(post.shape, theta.shape)
    scaled, above = np.zeros(shape, post.dtype), np.zeros(shape, post.dtype)
    return [
        partial(np.multiply, rate, post, scaled),
        partial(np.subtract, post, theta, above),
        partial(np.multiply, scaled, above, scaled),
        partial(np.multiply, scaled, pre, change),
    ]


@_rule
def oja(signals: _Signals, dt: float, change: Array) -> list[Step]:
    """Change weights by ``rate dt * (post * pre - beta * post^2 * weights)``."""
    rate = signals.numbers([op.learning_rate * dt for op in signals.ops])
    forgetting = signals.numbers([-op.beta for op in signals.ops])
    pre, post = signals.row("pre_filtered"), signals.column("post_filtered")
    weights = signals.matrix("weights")
    scaled, squared = np.zeros_like(post), np.zeros_like(post)
    learned = np.zeros_like(change)
    return [
        partial(np.multiply, rate, post, scaled),
        partial(np.multiply, scaled, post, squared),
        partial(np.multiply, forgetting, weights, change),
        partial(np.multiply, change, squared, change),
        partial(np.multiply, scaled, pre, learned),
        partial(np.add, change, learned, change),
    ]


@_rule
def voja(signals: _Signals, dt: float, change: Array) -> list[Step]:
    """Change encoders by ``rate dt * learning * post * (scale * pre - encoders)``."""
    rate = signals.numbers([op.learning_rate * dt for op in signals.ops])
    scale = np.stack([op.scale for op in signals.ops])[..., None].astype(change.dtype)
    learning = signals.matrix("learning_signal")[..., None]
    pre, post = signals.row("pre_decoded"), signals.column("post_filtered")
    encoders = signals.matrix("scaled_encoders")
    rates, decay = np.zeros_like(learning), np.zeros_like(change)
    return [
        partial(np.multiply, rate, learning, rates),
        partial(np.multiply, post, pre, change),
        partial(np.multiply, scale, change, change),
        partial(np.multiply, post, encoders, decay),
        partial(np.subtract, change, decay, change),
        partial(np.multiply, rates, change, change),
    ]
