"""Build of `nengo.PES`, the prescribed error sensitivity rule."""

from __future__ import annotations

import nengo
import tensorflow as tf
from nengo.builder import Model
from nengo.builder.connection import slice_signal
from nengo.builder.learning_rules import SimPES
from nengo.builder.operator import Copy, DotInc, Reset
from nengo.builder.signal import Signal
from nengo.connection import LearningRule
from nengo.ensemble import Neurons

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.learning_rule import FactoredRuleBuilder
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.network.build import NengoBuilder


@NengoBuilder.register(nengo.PES)
def build_pes(model: Model, pes: nengo.PES, rule: LearningRule) -> None:
    """Add the operators of a PES rule to a model.

    Where weights go to neurons, the encoders turn the error to an error of each neuron.
    Nengo's own function takes a part of the encoders for a part of the error, which
    cuts columns out of them; here the error is filled up to the ensemble's dimensions.
    The encoders stay whole in memory, and any selection of dimensions or neurons can
    be learned.

    Parameters
    ----------
    model : nengo.builder.Model
        The model to build into.
    pes : nengo.PES
        The type of the rule.
    rule : nengo.connection.LearningRule
        The rule of a connection.
    """
    conn = rule.connection
    error = Signal(shape=(rule.size_in,), name="PES:error")
    model.add_op(Reset(error))
    model.sig[rule]["in"] = error  # connections to the rule end here
    activities = model.sig[conn.pre_obj]["out"]
    if isinstance(conn.pre_obj, Neurons):
        activities = slice_signal(model, activities, conn.pre_slice)
    if pes.pre_synapse is not None:
        activities = model.build(pes.pre_synapse, activities)
    delta = model.sig[rule]["delta"]
    local_error = _encoded(model, conn, error) if _has_neuron_weights(conn) else error
    model.add_op(SimPES(activities, local_error, delta, pes.learning_rate))
    model.sig[rule]["error"] = error
    model.sig[rule]["activities"] = activities


def _has_neuron_weights(conn: nengo.Connection) -> bool:
    """Whether the weights of a connection end at neurons, not at dimensions."""
    ends = (conn.pre_obj, conn.post_obj)
    between_ensembles = all(isinstance(end, nengo.Ensemble) for end in ends)
    return isinstance(conn.post_obj, Neurons) or (
        between_ensembles and bool(conn.solver.weights)
    )


def _encoded(model: Model, conn: nengo.Connection, error: Signal) -> Signal:
    """Compute the error of each postsynaptic neuron that the connection ends at."""
    post = conn.post_obj
    to_neurons = isinstance(post, Neurons)
    ensemble = post.ensemble if to_neurons else post
    if error.size < ensemble.dimensions:
        whole = Signal(shape=(ensemble.dimensions,), name="PES:whole_error")
        model.add_op(Reset(whole))
        model.add_op(Copy(error, whole, dst_slice=conn.post_slice, inc=True))
        error = whole
    encoded = Signal(shape=(ensemble.n_neurons,), name="PES:encoded_error")
    model.add_op(Reset(encoded))
    encoders = model.sig[ensemble]["encoders"]
    model.add_op(DotInc(encoders, error, encoded, tag="PES:encode"))
    return slice_signal(model, encoded, conn.post_slice) if to_neurons else encoded


@Builder.register(SimPES)
class SimPESBuilder(FactoredRuleBuilder):
    """Change weights along the error, ``delta = -(kappa dt / n) e a^T``.

    where

    * ``kappa`` is the learning rate, in 1/s,
    * ``n`` is the number of presynaptic neurons,
    * ``e`` is the error (of each dimension, or of each postsynaptic neuron), and
    * ``a`` is the filtered presynaptic activity, in Hz.

    Parameters
    ----------
    ops : tuple of nengo.builder.learning_rules.SimPES
        The operators of the group.
    """

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Compute the rates; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.pre = self.stacked(signals, [op.pre_filtered for op in self.ops])
        self.error = self.stacked(signals, [op.error for op in self.ops])
        n_neurons = self.pre.shape[1]
        self.alpha = self.constant(
            signals, [-op.learning_rate * signals.dt / n_neurons for op in self.ops]
        )

    def factors(self, signals: SignalDict) -> tuple[tf.Tensor, tf.Tensor]:
        """Scale the error; see `FactoredRuleBuilder.factors`."""
        return self.alpha * signals.gather(self.error), signals.gather(self.pre)
