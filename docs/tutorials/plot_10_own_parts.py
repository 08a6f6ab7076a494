"""
Your own neuron, operator and simplification
============================================

What NengoDL computes with can be extended from outside: a neuron type, an operator of
Nengo's builder, such as that of a learning rule, and a simplification of a network's
operators. Here is one of each. The built-in ones are made in the same way.
"""

import math

import keras
import matplotlib.pyplot as plt
import nengo
import numpy as np
import tensorflow as tf
from nengo.builder import Builder as ReferenceBuilder
from nengo.builder import Operator

import nengo_dl
from nengo_dl_core import Builder, OpBuilder, SimNeuronsBuilder, TFNeuronBuilder
from nengo_dl_optimizer import OperatorGraph, default_simplifications, optimize

# %%
# A neuron type
# -------------
# Quadratic integrate-and-fire neurons, as any Nengo simulator would have them: a
# ``step`` in NumPy that changes arrays in place, and ``rates``, by which Nengo solves
# for decoders.


class QuadraticIntegrateAndFire(nengo.neurons.NeuronType):
    """Neurons whose voltage grows with its square, and with the current above one.

    ``tau * dv/dt = v**2 + J - 1``, reset to -1 where it passes ``peak``.

    Parameters
    ----------
    tau : float
        Time constant, in seconds.
    peak : float
        Voltage at which a neuron spikes.
    """

    spiking = True
    state = {"voltage": nengo.dists.Choice([0.0])}
    # By these Nengo sees whether two neuron types are equal, and may step together.
    tau = nengo.params.NumberParam("tau", low=0)
    peak = nengo.params.NumberParam("peak")

    def __init__(self, tau=0.02, peak=2.0, initial_state=None):
        super().__init__(initial_state)
        self.tau = tau
        self.peak = peak

    def rates(self, x, gain, bias):
        """Rates of a neuron that rests between spikes only where J is below one."""
        drive = np.sqrt(np.maximum(self.current(x, gain, bias) - 1, 0))
        angles = np.arctan2(self.peak, drive) + np.arctan2(1, drive)
        return drive / (self.tau * angles)

    def step(self, dt, J, output, voltage):
        """Advance by one step, with NumPy, in place."""
        voltage += dt / self.tau * (voltage**2 + J - 1)
        spiked = voltage > self.peak
        output[...] = spiked / dt
        voltage[spiked] = -1


# %%
# This runs in ``nengo_dl.Simulator`` as well, but in Python, step by step. To have it
# compiled, and trained, write the same with TensorFlow. ``training_step`` is what takes
# the place of spikes in training.


@SimNeuronsBuilder.register(QuadraticIntegrateAndFire)
class QuadraticIntegrateAndFireBuilder(TFNeuronBuilder):
    """The same with TensorFlow, for all neurons of all ensembles at once."""

    spiking = True

    def build_pre(self, signals, config):
        """Collect the parameters, which may differ from ensemble to ensemble."""
        super().build_pre(signals, config)
        self.tau = self.constant(signals, lambda neurons: neurons.tau)
        self.peak = self.constant(signals, lambda neurons: neurons.peak)

    def step(self, J, dt, voltage):
        """Advance by one step; return the output and the new voltage."""
        voltage += dt / self.tau * (voltage**2 + J - 1)
        spiked = voltage > self.peak
        output = tf.where(spiked, tf.cast(1 / dt, J.dtype), 0)
        return output, tf.where(spiked, tf.cast(-1, J.dtype), voltage)

    def training_step(self, J, dt, voltage):
        """The rates, whose derivative tells training which way to go."""
        drive = tf.sqrt(tf.maximum(J - 1, 1e-6))
        angles = tf.atan2(self.peak, drive) + tf.atan2(tf.ones_like(J), drive)
        return tf.where(J > 1, drive / (self.tau * angles), 0)


# %%
# Two hundred of these neurons represent a sine wave, in both simulators:

with nengo.Network(seed=0) as net:
    wave = nengo.Node(lambda t: np.sin(2 * math.pi * t))
    ens = nengo.Ensemble(
        200,
        1,
        neuron_type=QuadraticIntegrateAndFire(),
        max_rates=nengo.dists.Uniform(50, 100),
    )
    nengo.Connection(wave, ens)
    probe = nengo.Probe(ens, synapse=0.03)

figure, axes = plt.subplots(layout="constrained")
with nengo.Simulator(net, progress_bar=False) as reference:
    reference.run(1.0)
axes.plot(reference.trange(), reference.data[probe], label="nengo.Simulator")
with nengo_dl.Simulator(net, progress_bar=False) as sim:
    sim.run(1.0)
    print("compiled:", sim.diagnose().compiled)
axes.plot(sim.trange(), sim.data[probe], "--", label="nengo_dl.Simulator")
axes.set(xlabel="time (s)", ylabel="decoded")
axes.legend()
difference = np.abs(reference.data[probe] - sim.data[probe]).max()
print(f"largest difference: {difference:.1e}")
assert difference < 1e-4

# %%
# And they are trained, here to turn the sign of their input around:

with nengo.Network(seed=0) as net:
    node = nengo.Node([0.0])
    ens = nengo.Ensemble(
        50, 1, neuron_type=QuadraticIntegrateAndFire(), max_rates=[80.0] * 50
    )
    nengo.Connection(node, ens, synapse=None)
    nengo.Probe(ens)
with nengo_dl.Simulator(net, minibatch_size=4, seed=0, progress_bar=False) as sim:
    sim.compile(optimizer=keras.optimizers.Adam(0.05), loss="mse")
    x = np.linspace(-1, 1, 8).reshape((8, 1, 1))
    losses = sim.fit(x, -x, epochs=30, verbose=0).history["loss"]
print(f"loss: {losses[0]:.3f} before, {losses[-1]:.3f} after training")

# %%
# An operator
# -----------
# Nengo builds a network into operators, each of which computes something in every step.
# This learning rule, by which weights that are not used decay, brings an operator of
# its own. First the rule, as users write it:


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


# %%
# Then its operator, with ``make_step``, by which the reference simulator runs it, and
# the function that makes the operator when a network is built:


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


# %%
# Last, what computes the operator with TensorFlow. Operators that are ``mergeable`` are
# computed together, by one builder.


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


# %%
# In this network the neurons of two ensembles differ in how active they are, and so the
# weights of their connections in how fast they decay.


def build_network(learning_rate=0.05):
    """Two connections whose weights decay."""
    with nengo.Network(seed=0) as net:
        net.weights = []
        for current in (0.2, 0.8):
            node = nengo.Node(current)
            pre, post = nengo.Ensemble(20, 1), nengo.Ensemble(10, 1)
            nengo.Connection(node, pre)
            conn = nengo.Connection(
                pre.neurons,
                post.neurons,
                transform=nengo.dists.Uniform(0, 1e-3),
                learning_rule_type=Decay(learning_rate),
            )
            net.weights.append(nengo.Probe(conn, "weights", sample_every=0.01))
    return net


net = build_network()
figure, axes = plt.subplots(layout="constrained")
for simulator, style in [(nengo.Simulator, "-"), (nengo_dl.Simulator, "--")]:
    with simulator(net, progress_bar=False) as sim:
        sim.run(1.0)
    name = f"{simulator.__module__.split('.')[0]}.Simulator"
    for probe, current in zip(net.weights, (0.2, 0.8), strict=True):
        weights = sim.data[probe].sum(axis=(1, 2))
        times = sim.trange(sample_every=0.01)
        axes.plot(times, weights / weights[0], style, label=f"{name}, input {current}")
axes.set(xlabel="time (s)", ylabel="what is left of the weights")
axes.legend()

# %%
# A simplification
# ----------------
# Before a simulation the graph of operators is simplified. A simplification takes a
# graph and returns one, and changes no operator in place. This one knows of our
# operator that with a learning rate of zero it changes nothing. What it computes then
# keeps its initial value, which is zero.


def remove_idle_decays(graph):
    """Remove the operators of rules that learn nothing."""
    left = [
        op
        for op in graph
        if not (isinstance(op, SimDecay) and op.rule.learning_rate == 0)
    ]
    return graph.with_operators(left) if len(left) < len(graph) else graph


# %%
# The simplifications that there are go on from there: that zeros are added to the
# weights is removed by one of them, and the filter of the activity, which nothing reads
# any more, by another.

idle = build_network(learning_rate=0)
model = nengo.builder.Model()
model.build(idle)
for name, simplifications in [
    ("default_simplifications", default_simplifications),
    ("and our own", [remove_idle_decays, *default_simplifications]),
]:
    graph = OperatorGraph(model.operators)
    optimized = optimize(graph, simplifications=simplifications)
    print(f"{name:24} {len(graph)} operators, {len(optimized.graph)} after them")

# %%
# The simulator uses it if the network says so.

with idle:
    nengo_dl.configure_settings(
        simplifications=[remove_idle_decays, *default_simplifications]
    )
with nengo_dl.Simulator(idle, progress_bar=False) as sim:
    sim.run(0.1)
weights = sim.data[idle.weights[0]]
print("weights stay:", np.array_equal(weights[0], weights[-1]))

# %%
# A layer of Keras that the converter does not know is the fourth thing to add:
# :doc:`/extending` has an example.

plt.show()
