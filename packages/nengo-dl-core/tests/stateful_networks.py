"""Networks that keep state in every place where a simulation can have some.

They are functions of a module, and so is all that they call, since simulators of them
are pickled.
"""

from dataclasses import dataclass
from typing import Any

import keras
import nengo
import numpy as np
from nengo import processes
from nengo.base import Process
from nengo.dists import Gaussian, Uniform

from nengo_dl_core import Simulator, configure_settings

DT = 0.001


class Fuse:
    """Passes its input on, until it raises an error that it is armed with."""

    def __init__(self):
        self.disarm()

    def arm(self, error, step, calls_before=0):
        """Raise an error in a step, after some calls of the same step."""
        self.error, self.time = error, (step - 0.5) * DT
        self.calls_before = calls_before

    def disarm(self):
        self.error = None

    def __call__(self, t, x):
        if self.error is not None and t > self.time:
            if self.calls_before == 0:
                raise self.error
            self.calls_before -= 1
        return x


class World:
    """What a network moves through a Node with input, and sees through one without."""

    def __init__(self):
        self.place = 0.0

    def move(self, t, force):
        self.place += 0.1 * (1 - self.place) * force[0] + 0.01
        return self.place

    def sense(self, t):
        return [self.place, t * self.place]


class Scatter(Process):
    """Adds noise to its input; all that it keeps is where the noise is."""

    def make_state(self, shape_in, shape_out, dt, dtype=None):
        return {}

    def make_step(self, shape_in, shape_out, dt, rng, state):
        return lambda t, x: x * (1 + 0.3 * rng.normal(size=shape_out))


class Walk(Process):
    """A random walk with its input as drift, which counts its steps."""

    def make_state(self, shape_in, shape_out, dt, dtype=None):
        return {"place": np.zeros(shape_out), "count": np.zeros(1, dtype=np.int64)}

    def make_step(self, shape_in, shape_out, dt, rng, state):
        def step(t, x=0.1):
            state["count"] += 1
            state["place"] += 0.1 * (rng.normal(size=shape_out) + x)
            return state["place"] + 0.01 * state["count"]

        return step


class Flicker(nengo.StochasticSpiking):
    """Neurons that spike at random and that our simulator does not know."""

    def step(self, dt, J, output, rng, **state):
        super().step(dt, J, output, rng, **state)
        output *= rng.random_sample(size=output.shape)


def wave(t):
    return np.sin(40 * t + 1)


def _learning(neuron_type, source, teacher):
    """An ensemble that learns with the PES rule; returns it."""
    pre = nengo.Ensemble(
        12, 1, neuron_type=neuron_type, noise=processes.WhiteNoise(Gaussian(0, 0.01))
    )
    post = nengo.Ensemble(10, 1, neuron_type=neuron_type)
    error = nengo.Node(size_in=1)
    nengo.Connection(source, pre, synapse=nengo.Alpha(0.004))
    learned = nengo.Connection(
        pre, post, synapse=0.005, learning_rule_type=nengo.PES(2e-3)
    )
    nengo.Connection(post, error, synapse=0.003)
    nengo.Connection(teacher, error, transform=-1, synapse=None)
    nengo.Connection(error, learned.learning_rule, synapse=0.002)
    nengo.Probe(learned, "weights")
    nengo.Probe(pre.neurons, sample_every=2 * DT)
    return post


def _measured(noise, output):
    """Probe what losses are about."""
    nengo.Probe(noise, label="noise")
    nengo.Probe(output, synapse=0.01, label="output")


def rates(fuse, world):
    """Rate neurons, which training simulates as a run does."""
    stimulus = nengo.Node([0.5], label="stimulus")
    noise = nengo.Node(processes.WhiteNoise(Gaussian(0, 0.3), scale=False))
    seeded = nengo.Node(processes.WhiteNoise(Uniform(-1, 1), seed=1, scale=False))
    scatter = nengo.Node(Scatter(), size_in=1, size_out=1)
    relay = nengo.Node(fuse, size_in=1, size_out=1)
    nengo.Connection(stimulus, scatter, synapse=None)
    nengo.Connection(noise, relay, synapse=None)
    nengo.Connection(seeded, relay, synapse=0.01)
    nengo.Connection(scatter, relay, synapse=None)
    post = _learning(nengo.RectifiedLinear(), relay, nengo.Node(wave))
    for node in (seeded, scatter, relay):
        nengo.Probe(node)
    _measured(noise, post)


def spikes(fuse, world):
    """Spiking neurons and noise, and nothing in Python."""
    stimulus = nengo.Node([0.5], label="stimulus")
    noise = nengo.Node(processes.WhiteNoise(Gaussian(0, 0.3), scale=False))
    relay = nengo.Node(size_in=1)
    nengo.Connection(stimulus, relay, synapse=nengo.synapses.Triangle(0.004))
    nengo.Connection(noise, relay, synapse=0.002)
    pre = nengo.Ensemble(15, 1, neuron_type=nengo.AdaptiveLIF())
    post = nengo.Ensemble(10, 1, neuron_type=nengo.LIF())
    nengo.Connection(relay, pre, synapse=None)
    learned = nengo.Connection(pre, post, learning_rule_type=nengo.PES(1e-3))
    nengo.Connection(nengo.Node(wave), learned.learning_rule, synapse=None)
    nengo.Probe(learned, "weights")
    nengo.Probe(pre.neurons, sample_every=2 * DT)
    _measured(noise, post)


def walks(fuse, world):
    """Processes that keep more than where their noise is."""
    stimulus = nengo.Node([0.5], label="stimulus")
    walk = nengo.Node(Walk(), size_in=1, size_out=1)
    relay = nengo.Node(fuse, size_in=1, size_out=1)
    nengo.Connection(stimulus, walk, synapse=None)
    nengo.Connection(walk, relay, synapse=nengo.synapses.Triangle(0.003))
    noise = nengo.Node(processes.FilteredNoise(nengo.Alpha(0.005)), size_out=1)
    nengo.Connection(noise, relay, synapse=0.002)
    for process in (
        processes.BrownNoise(Gaussian(0, 1)),
        processes.WhiteSignal(0.1, high=100),
        processes.PresentInput([[0.2], [0.9], [-0.4]], 2 * DT),
        Walk(),
    ):
        node = nengo.Node(process, size_out=1)
        nengo.Connection(node, relay, synapse=0.002)
        nengo.Probe(node)
    post = nengo.Ensemble(10, 1, neuron_type=nengo.LIFRate(), noise=Walk(seed=2))
    nengo.Connection(relay, post)
    nengo.Probe(walk)
    nengo.Probe(post.neurons)
    _measured(noise, post)


def loop(fuse, world):
    """A loop that is closed in Python: its state is a user's own object."""
    stimulus = nengo.Node([0.5], label="stimulus")
    early = nengo.Node(world.sense, size_out=2)
    move = nengo.Node(world.move, size_in=1, size_out=1)
    late = nengo.Node(world.sense, size_out=2)
    noise = nengo.Node(processes.WhiteNoise(Gaussian(0, 0.1), scale=False))
    relay = nengo.Node(fuse, size_in=1, size_out=1)
    ens = nengo.Ensemble(12, 3, neuron_type=nengo.LIFRate())
    for source in (stimulus, noise):
        nengo.Connection(source, relay, synapse=None)
    nengo.Connection(early, ens[:2], synapse=0.005)
    nengo.Connection(late[0], ens[2], synapse=None)
    nengo.Connection(ens[0], move, transform=-0.2, synapse=0.002)
    nengo.Connection(relay, move, synapse=None)
    for node in (early, move, late):
        nengo.Probe(node)
    _measured(noise, ens)


def random_spikes(fuse, world):
    """Neurons whose random numbers TensorFlow draws."""
    stochastic = nengo.StochasticSpiking(nengo.LIFRate())
    poisson = nengo.PoissonSpiking(nengo.RectifiedLinear())
    _random(nengo.Node(size_in=1), [stochastic, poisson])


def random_python(fuse, world):
    """Neurons whose random numbers Python draws."""
    kinds = [Flicker(nengo.LIFRate()), Flicker(nengo.Tanh())]
    _random(nengo.Node(fuse, size_in=1, size_out=1), kinds)


def _random(source, neuron_types):
    stimulus = nengo.Node([0.5], label="stimulus")
    noise = nengo.Node(processes.WhiteNoise(Gaussian(0, 0.3), scale=False))
    nengo.Connection(stimulus, source, synapse=None)
    nengo.Connection(noise, source, synapse=0.002)
    for neuron_type in neuron_types:
        ens = nengo.Ensemble(8, 1, neuron_type=neuron_type)
        nengo.Connection(source, ens, synapse=0.003)
        nengo.Probe(ens.neurons)
        source = ens
    _measured(noise, source)


@dataclass(frozen=True)
class Kind:
    """A network, and what can be asked about it.

    Parameters
    ----------
    make : callable
        Adds the objects to a network.
    minibatch_sizes : tuple
        What it is simulated with.
    fails : bool
        Whether a Node of it can raise an error.
    learns : bool
        Whether a connection has a learning rule.
    trains_as_it_runs : bool
        Whether its neurons give the same output in training.
    reference : bool
        Whether the reference simulator draws the same random numbers.
    stateless_processes : bool
        Whether its processes keep nothing but where their noise is.
    jit_compile : bool or "auto"
        The setting.
    """

    make: Any
    minibatch_sizes: tuple
    fails: bool = False
    learns: bool = False
    trains_as_it_runs: bool = False
    reference: bool = True
    stateless_processes: bool = True
    jit_compile: Any = False

    @property
    def in_world(self):
        """Whether part of its state is a user's own object."""
        return self.make is loop


KINDS = {
    "rates": Kind(rates, (1, 3), fails=True, learns=True, trains_as_it_runs=True),
    "spikes": Kind(spikes, (3,), learns=True),
    "compiled": Kind(spikes, (3,), learns=True, jit_compile=True),
    "numpy": Kind(spikes, (1,), learns=True, jit_compile="auto"),
    "walks": Kind(
        walks, (3,), fails=True, trains_as_it_runs=True, stateless_processes=False
    ),
    "loop": Kind(loop, (None,), fails=True, trains_as_it_runs=True),
    "random spikes": Kind(random_spikes, (3,), reference=False),
    "random in Python": Kind(random_python, (3,), fails=True, reference=False),
}


class Subject:
    """A simulator, and the Python objects that its network knows.

    They are copied and pickled together, so that a copy knows copies.
    """

    def __init__(self, kind, seed, simulator=Simulator, **options):
        self.fuse, self.world = Fuse(), World()
        with nengo.Network(seed=0) as net:
            configure_settings(dtype="float64", jit_compile=kind.jit_compile)
            kind.make(self.fuse, self.world)
        self.sim = simulator(net, dt=DT, seed=seed, progress_bar=False, **options)

    @property
    def probes(self):
        return self.sim.model.probes

    @property
    def measured(self):
        """What losses are about, by label."""
        return {x.label: x for x in self.probes if x.label in ("noise", "output")}

    @property
    def sources(self):
        """The Nodes without input, by label."""
        nodes = self.sim.model.toplevel.all_nodes
        return {node: node.label for node in nodes if node.size_in == 0}

    def data(self, n_samples, n_steps):
        """What the stimulus puts out without data, too."""
        (stimulus,) = (x for x, label in self.sources.items() if label == "stimulus")
        return {stimulus: np.full((n_samples, n_steps, 1), 0.5)}

    def targets(self, n_samples, n_steps):
        """Zeros for all that is measured."""
        return {
            probe: np.zeros((n_samples, n_steps, probe.size_in))
            for probe in self.measured.values()
        }


class Simulators:
    """Keeps the simulators of sequences that ended well, since tracing takes long."""

    def __init__(self, kind):
        self.kind, self.kept = kind, {}

    def take(self, minibatch_size):
        kept = self.kept.pop(minibatch_size, None)
        return kept or self.make(minibatch_size, 0)

    def make(self, minibatch_size, seed):
        subject = Subject(self.kind, seed, minibatch_size=minibatch_size)
        prepare_training(subject)
        return subject

    def keep(self, subject):
        size = subject.sim.minibatch_size
        if size in self.kept:
            subject.sim.close()
        self.kept.setdefault(size, subject)

    def close(self):
        for subject in self.kept.values():
            subject.sim.close()


def prepare_training(subject):
    """Compile for training that changes no parameter."""
    losses = dict.fromkeys(subject.measured.values(), "mse")
    subject.sim.compile(keras.optimizers.SGD(0.0), loss=losses)
