"""Synapses: linear filters of every form, and the triangle filter."""

import nengo
import numpy as np
import pytest
from nengo.builder import Model
from nengo.builder.processes import SimProcess

from nengo_dl_core import Delay, Simulator, configure_settings
from nengo_dl_core.network.build import NengoBuilder, NengoModel
from reference import assert_matches_reference, assert_same, simulated_data


class Slow(nengo.Lowpass):
    """A filter that computes what its parent computes."""

    def __init__(self):
        super().__init__(0.5)


class Doubled(nengo.Lowpass):
    """A filter that computes something else."""

    def make_step(self, *args, **kwargs):
        step = super().make_step(*args, **kwargs)
        return lambda t, x: 2 * step(t, x)


SYNAPSES = [
    nengo.Lowpass(0.1),
    nengo.Lowpass(0),
    nengo.Alpha(0.02),
    nengo.Alpha(0),
    nengo.LinearFilter([1], [0.01, 1], method="euler"),
    nengo.LinearFilter([0.02, 1], [0.001, 0.03, 1]),  # order 2
    nengo.LinearFilter([0.05, 1], [0.02, 1]),  # passes through
    nengo.LinearFilter([1], [0.02, 1], method="bilinear"),
    nengo.LinearFilter([0.1], [1, -0.9], analog=False),
    nengo.LinearFilter([0.1, 0.05], [1, -0.9], analog=False),
    nengo.LinearFilter([2.5], [1], analog=False),  # no state
    nengo.LinearFilter([1], np.poly(-1 / np.linspace(0.01, 0.02, 6))),  # order 6
    nengo.Triangle(0.01),
    nengo.Triangle(0),
    Delay(0),
    Delay(3),
    Delay(2, max_steps=4),
    Delay(1.5, max_steps=4),
]


def network(synapses):
    """Filters in all places: vectors and scalars, Nodes, probes, a loop."""
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        pair = nengo.Node(lambda t: [np.sin(9 * t) + 1, t < 0.05])
        for synapse in synapses:
            target = nengo.Node(size_in=2)
            nengo.Connection(pair, target, synapse=synapse)
            nengo.Connection(target, target, synapse=synapse, transform=0.1)
            nengo.Probe(target)
            nengo.Probe(pair[0], synapse=synapse)
            # as the output of a Node, a filter sets its output within the step
            node = nengo.Node(synapse, size_in=2, size_out=2)
            nengo.Connection(pair, node, synapse=None)
            nengo.Probe(node)
    return net


@pytest.mark.parametrize("half", [slice(0, None, 2), slice(1, None, 2)])
def test_equals_reference(half):
    net = network(SYNAPSES[half])
    expected = assert_matches_reference(net, 100)
    with net:
        configure_settings(jit_compile=False)
    options = {"minibatch_size": 2, "unroll_simulation": 3}
    minibatch = simulated_data(net, [30, 70], **options)
    assert_same({probe: x[1] for probe, x in minibatch.items()}, expected)


@pytest.mark.parametrize(
    ("synapse", "same", "other"),
    [
        (nengo.Lowpass(0.1), nengo.Lowpass(0.2), nengo.Alpha(0.1)),
        (nengo.Alpha(0.1), nengo.Alpha(0.2), nengo.Lowpass(0.1)),
        (nengo.Triangle(0.1), nengo.Triangle(0.1), nengo.Triangle(0.2)),
        (Delay(3), Delay([1, 3]), Delay(2)),
        (Delay(3, max_steps=9), Delay(8, max_steps=9), Delay(9)),
    ],
)
def test_alike_filters_are_one_group(synapse, same, other):
    net = network([])
    with net:
        target = nengo.Node(size_in=2)
        for item in (synapse, same, other):
            nengo.Connection(net.nodes[0], target, synapse=item)
        nengo.Probe(target)
    with Simulator(net, progress_bar=False) as sim:
        groups = [
            len(group)
            for group in sim.program.optimized.plan
            if type(group[0]).__name__ == "SimProcess"
        ]
    assert sorted(groups) == [1, 2]


def test_subclasses():
    net = network([Slow(), Doubled(0.1)])
    assert_matches_reference(net, 50)
    with Simulator(net, progress_bar=False) as sim:
        graph = sim.program
        in_python = {
            op.process
            for op in graph.builder.not_compilable(graph.memory.environment())
        }
    assert in_python == {Doubled(0.1)}


class Started(nengo.Lowpass):
    """A filter that does not begin with zero."""

    def make_state(self, *args, **kwargs):
        return super().make_state(*args, **{**kwargs, "y0": 3})


@pytest.mark.parametrize("synapse", [*SYNAPSES, Started(0.1)], ids=repr)
def test_filters_begin_in_the_state_that_nengo_gives_them(synapse):
    with nengo.Network(seed=0) as net:
        node = nengo.Node([1, 2])
        nengo.Probe(node[0], synapse=synapse)
        nengo.Connection(node, nengo.Node(size_in=2), synapse=synapse)

    def values(op):
        state = {name: sig.initial_value for name, sig in op.state.items()}
        return {name: (x.dtype, x.tolist()) for name, x in state.items()}

    found = []
    for model in (Model(), NengoModel(builder=NengoBuilder())):
        model.build(net)
        found.append(
            [
                (op.process, op.mode, op.tag, op.output.name, values(op))
                for op in model.operators
                if isinstance(op, SimProcess)
            ]
        )
    assert found[0] == found[1]
    assert len(found[0]) == 2
