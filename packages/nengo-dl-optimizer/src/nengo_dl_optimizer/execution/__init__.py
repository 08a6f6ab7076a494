"""Running plans with NumPy alone: memory, kernels of groups, an executor, a simulator.

It may import everything else of this package, and nothing of it imports it.
"""

from .executor import ExecutorState, NumPyExecutor
from .kernels import KernelMaker, default_kernels, own_steps, per_item
from .memory import Memory, Step
from .simulator import NumPySimulator

__all__ = [
    "ExecutorState",
    "KernelMaker",
    "Memory",
    "NumPyExecutor",
    "NumPySimulator",
    "Step",
    "default_kernels",
    "own_steps",
    "per_item",
]
