"""Python functions of a model, called one after the other in the reference's order.

Functions may share Python objects: one moves an arm, another reads where it is. Which
of the two comes first in a step is then part of the result, although no signal shows
it. Whoever executes a model that way gives each function its turn.
"""

from __future__ import annotations

from collections.abc import Iterable

from nengo.builder.operator import Operator, SimPyFunc
from nengo.utils.graphs import toposort
from nengo.utils.simulator import operator_dependency_graph


class PythonCall(SimPyFunc):
    """A `~nengo.builder.operator.SimPyFunc` that has its turn.

    Operators with an attribute ``turn`` are executed in the order of their turns, each
    in a group of its own.

    Parameters
    ----------
    op : SimPyFunc
        The operator whose place it takes.
    turn : int
        Its turn among the operators of a model.
    """

    def __init__(self, op: SimPyFunc, turn: int) -> None:
        super().__init__(op.output, op.fn, op.t, op.x, tag=op.tag)
        self.turn = turn


def turns(operators: Iterable[Operator]) -> dict[Operator, int]:
    """Find the order in which `nengo.Simulator` executes operators.

    Parameters
    ----------
    operators : iterable of Operator
        All operators of a model.

    Returns
    -------
    turns : dict of {Operator: int}
        The turn of each operator.
    """
    order = toposort(operator_dependency_graph(list(operators)))
    return {op: turn for turn, op in enumerate(order)}


def call_in_turn(operators: Iterable[Operator]) -> list[Operator]:
    """Give the Python functions of a model their turns.

    Parameters
    ----------
    operators : iterable of Operator
        All operators of a model, as Nengo built them.

    Returns
    -------
    operators : list of Operator
        The same, with a `PythonCall` in place of each
        `~nengo.builder.operator.SimPyFunc`.
    """
    operators = list(operators)
    if not any(type(op) is SimPyFunc for op in operators):
        return operators
    turn = turns(operators)
    return [
        PythonCall(op, turn[op]) if type(op) is SimPyFunc else op for op in operators
    ]
