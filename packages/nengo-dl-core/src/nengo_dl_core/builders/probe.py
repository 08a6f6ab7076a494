"""Build of `nengo.builder.probe.SimProbe`."""

from __future__ import annotations

from nengo.builder.operator import Operator
from nengo.builder.probe import SimProbe

from nengo_dl_core.builders.base import BuildConfig, OpBuilder
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.signals import SignalDict


@Builder.register(SimProbe)
class SimProbeBuilder(OpBuilder):
    """Mark signals as probed: the loop itself reads them at the end of each step.

    Parameters
    ----------
    ops : tuple of nengo.builder.probe.SimProbe
        The operators of the group.
    """

    def steps_are_items(self, config: BuildConfig) -> bool:
        """Steps are items; see `OpBuilder.steps_are_items`."""
        return True

    def build_step(self, signals: SignalDict) -> None:
        """There is nothing to compute; see `OpBuilder.build_step`."""

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Marks always merge; see `OpBuilder.mergeable`."""
        return True
