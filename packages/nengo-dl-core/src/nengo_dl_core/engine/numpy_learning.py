"""Learning rules in NumPy whose changes are kept as two vectors.

See `nengo_dl_core.passes.factored_changes`; the equations are those of the rules'
builders. Rules whose changes are matrices run by the optimizer's kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from nengo.builder.learning_rules import SimBCM, SimPES, SimRLS
from nengo.builder.operator import Operator

from nengo_dl_core.builders.outer_product import OuterInc
from nengo_dl_core.builders.rls import check_error
from nengo_dl_optimizer import KernelMaker, Memory, Step, default_kernels, per_item

Array = npt.NDArray[Any]
Factors = Callable[[], tuple[Array, Array]]


def _pes(op: SimPES, item: Memory, dt: float) -> Factors:
    rate = -op.learning_rate * dt / op.pre_filtered.size
    error, pre = item[op.error], item[op.pre_filtered]
    return lambda: (rate * error, pre)


def _bcm(op: SimBCM, item: Memory, dt: float) -> Factors:
    rate = op.learning_rate * dt
    pre, post = item[op.pre_filtered], item[op.post_filtered]
    theta = item[op.theta]
    return lambda: (rate * post * (post - theta), pre)


def _rls(op: SimRLS, item: Memory, dt: float) -> Factors:
    check_error(op)
    error, pre, inverse = item[op.error], item[op.pre_filtered], item[op.inv_gamma]

    def factors() -> tuple[Array, Array]:
        product = inverse @ pre
        factor = 1 / (1 + pre @ product)
        np.subtract(inverse, np.outer(product, product * factor), out=inverse)
        return error, -factor * product

    return factors


_FACTORS: Mapping[type[Operator], Callable[..., Factors]] = {
    SimBCM: _bcm,
    SimPES: _pes,
    SimRLS: _rls,
}


@per_item
def _factored(group: Any, item: Memory, dt: float) -> Iterator[Step]:
    """Compute the factors of changes, which lie in the first and the last update."""
    for op in group:
        yield _change(
            _FACTORS[type(op)](op, item, dt), item[op.delta], item[op.updates[-1]]
        )


def _change(factors: Factors, column: Array, row: Array) -> Step:
    def step() -> None:
        column[...], row[...] = factors()

    return step


def _rule(group: Any, memory: Memory, dt: float) -> list[Step]:
    """Compute changes as factors or, where there are none, as matrices."""
    factored = [op for op in group if op.delta.ndim == 1]
    whole = [op for op in group if op.delta.ndim == 2]
    steps = list(_factored(factored, memory, dt)) if factored else []
    return [
        *steps,
        *(default_kernels[type(whole[0])](whole, memory, dt) if whole else ()),
    ]


@per_item
def _add_product(group: Any, item: Memory, dt: float) -> Iterator[Step]:
    """Add products of columns and rows to matrices."""
    for op in group:
        yield _add(*(item[signal] for signal in (*op.reads, *op.incs)))


def _add(column: Array, row: Array, target: Array) -> Step:
    product = np.empty_like(target)

    def step() -> None:
        np.multiply(column[:, None], row, out=product)
        np.add(target, product, out=target)

    return step


kernels: Mapping[type[Operator], KernelMaker] = {
    **dict.fromkeys(_FACTORS, _rule),
    OuterInc: _add_product,
}
"""What makes the steps of a group, by the type of its operators."""
