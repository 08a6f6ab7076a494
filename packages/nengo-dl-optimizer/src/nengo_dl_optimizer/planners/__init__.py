"""Planners put operators into groups and the groups into an order of execution."""

from .greedy import greedy_planner
from .layered import layered_planner
from .noop import noop_planner
from .transitive import transitive_closure_recurse, transitive_planner
from .tree import tree_planner

__all__ = [
    "greedy_planner",
    "layered_planner",
    "noop_planner",
    "transitive_closure_recurse",
    "transitive_planner",
    "tree_planner",
]
