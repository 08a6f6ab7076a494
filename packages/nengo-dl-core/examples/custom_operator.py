"""Add an operator: a learning rule by which weights that are not used decay.

An operator needs ``make_step``, by which the reference simulator runs it, and a
builder, by which ours does.

Run it with ``python custom_operator.py``; it needs nengo-dl-core alone. It prints what
is left of the weights after a second, in both simulators.
"""

import argparse

import nengo
import numpy as np
import tensorflow as tf
from nengo.builder import Builder as ReferenceBuilder
from nengo.builder import Operator

import nengo_dl_core
from nengo_dl_core import Builder, OpBuilder


class Decay(nengo.learning_rules.LearningRuleType):
    """Weights fall by ``rate`` times their value times ``threshold - activity``.

    Parameters
    ----------
    learning_rate : float
        How much of a weight is lost in a second, for each spike a second below the
        threshold.
    threshold : float
        Activity that keeps a weight as it is, in spikes a second.
    """

    modifies = "weights"
    probeable = ("delta",)

    def __init__(self, learning_rate=1e-3, threshold=20.0):
        super().__init__(learning_rate, size_in=0)
        self.threshold = threshold


class SimDecay(Operator):
    """Compute by how much weights change in a step.

    Parameters
    ----------
    activity : Signal
        Activity of the neurons before the connection, ``(n_pre,)``.
    weights : Signal
        The weights, ``(n_post, n_pre)``.
    delta : Signal
        Their change, ``(n_post, n_pre)``.
    rule : Decay
        The learning rule.
    """

    def __init__(self, activity, weights, delta, rule):
        super().__init__()
        self.rule = rule
        self.sets, self.incs, self.updates = [], [], [delta]
        self.reads = [activity, weights]

    def make_step(self, signals, dt, rng):
        """Make the function that the reference simulator calls in every step."""
        activity, weights = (signals[sig] for sig in self.reads)
        delta = signals[self.updates[0]]
        rate, threshold = self.rule.learning_rate * dt, self.rule.threshold

        def step():
            unused = np.maximum(threshold - activity, 0)
            delta[...] = -rate * unused * weights

        return step


@ReferenceBuilder.register(Decay)
def build_decay(model, rule_type, rule):
    """Say which operators the learning rule stands for; Nengo asks when it builds."""
    conn = rule.connection
    activity = model.build(nengo.Lowpass(0.02), model.sig[conn.pre_obj]["out"])
    delta = model.sig[rule]["delta"]
    model.add_op(SimDecay(activity, model.sig[conn]["weights"], delta, rule_type))


@Builder.register(SimDecay)
class SimDecayBuilder(OpBuilder):
    """The same with TensorFlow, for all operators of a group at once."""

    def build_pre(self, signals, config):
        """Look up once where the values of the group lie."""
        super().build_pre(signals, config)
        n_ops, (n_post, n_pre) = len(self.ops), self.ops[0].reads[1].shape
        activity, weights = zip(*(op.reads for op in self.ops), strict=True)
        deltas = [op.updates[0] for op in self.ops]
        self.activity = signals.combine(activity).reshape((n_ops, 1, n_pre))
        self.weights = signals.combine(weights).reshape((n_ops, n_post, n_pre))
        self.delta = signals.combine(deltas).reshape((n_ops, n_post, n_pre))

    def build_step(self, signals):
        """Compute one step; all values have the minibatch as their first axis."""
        rule = self.ops[0].rule
        unused = tf.maximum(rule.threshold - signals.gather(self.activity), 0)
        weights = signals.gather(self.weights)
        signals.scatter(self.delta, -rule.learning_rate * signals.dt * unused * weights)

    @staticmethod
    def mergeable(x, y):
        """Operators form a group if one product can stand for them."""
        same_rule = x.rule == y.rule
        return same_rule and x.reads[1].shape == y.reads[1].shape


def main():
    """Let the weights of two connections decay, here and in the reference simulator."""
    with nengo.Network(seed=0) as net:
        probes = []
        for current in (0.2, 0.8):
            node = nengo.Node(current)
            pre, post = nengo.Ensemble(20, 1), nengo.Ensemble(10, 1)
            nengo.Connection(node, pre)
            conn = nengo.Connection(
                pre.neurons,
                post.neurons,
                transform=nengo.dists.Uniform(0, 1e-3),
                learning_rule_type=Decay(),
            )
            probes.append(nengo.Probe(conn, "weights", sample_every=0.1))
    values = []
    for simulator in (nengo.Simulator, nengo_dl_core.Simulator):
        with simulator(net, progress_bar=False) as sim:
            sim.run(1.0)
        values.append([sim.data[probe] for probe in probes])
        left = [weights[-1].sum() / weights[0].sum() for weights in values[-1]]
        print(
            f"{simulator.__module__.split('.')[0]:14} weights left:", *np.round(left, 4)
        )
    return values


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    main()
