"""Products of matrices of different shapes that are computed as one."""

import nengo
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from nengo.builder.operator import DotInc
from nengo.builder.signal import Signal

import nengo_dl_core as core
from nengo_dl_core import tuning
from nengo_dl_core.builders.taken import taken, taken_back
from nengo_dl_core.program.padding import padded_products
from nengo_dl_optimizer import DotSet, OperatorGraph, SignalFacts

NARROW = [(5 + 3 * i, 1 + i % 3) for i in range(8)]
WIDE = [(2, 20 + i) for i in range(8)]
SQUARE = [(12 + i, 14 + i) for i in range(8)]


def products(shapes, kind=DotInc, n_items=None):
    shape = (lambda *sizes: sizes) if n_items is None else lambda *s: (*s, n_items)
    return [
        kind(
            Signal(np.ones((m, n)), name="A"),
            Signal(np.ones(shape(n)), name="X"),
            Signal(np.ones(shape(m)), name="Y"),
        )
        for m, n in shapes
    ]


class TestDecision:
    @pytest.mark.parametrize("shapes", [NARROW, WIDE, SQUARE])
    @pytest.mark.parametrize("kind", [DotInc, DotSet])
    def test_similar_shapes_are_one(self, shapes, kind):
        found = padded_products(OperatorGraph(products(shapes, kind)))
        assert len(found) == 8
        assert len(set(found.values())) == 1

    def test_few_shapes_remain_as_they_are(self):
        few = NARROW[: tuning.MIN_PADDED_SHAPES - 1]
        assert not padded_products(OperatorGraph(products(few * 10)))

    def test_different_shapes_are_not_one(self):
        ops = products([*WIDE, *SQUARE, *((49 + 40 * i, 9) for i in range(3))])
        found = padded_products(OperatorGraph(ops))
        assert len({found[op] for op in ops[:8]}) == 1
        assert len({found[op] for op in ops[8:16]}) == 1
        assert found[ops[0]] != found[ops[8]]
        assert found.keys().isdisjoint(ops[16:])

    def test_many_products_of_a_shape_do_not_pay_for_padding(self):
        shapes = [(2, 20 + 8 * i) for i in range(4)]
        assert padded_products(OperatorGraph(products(shapes)))
        assert not padded_products(OperatorGraph(products(shapes * 1000)))

    def test_what_is_large_or_learned_or_multiplies_matrices(self):
        large = [(2, tuning.MAX_PADDED_SIZE + i) for i in range(8)]
        assert not padded_products(OperatorGraph(products(large)))
        assert not padded_products(OperatorGraph(products(WIDE, n_items=1)))
        ops = products(WIDE)
        facts = {op.A: SignalFacts(minibatched=True) for op in ops}
        assert not padded_products(OperatorGraph(ops, facts))


def ragged_network(neuron_type, synapse=0.01, dimensions=(2, 1, 2, 2, 2)):
    """Ensembles of several sizes and dimensions, connected to and fro."""
    rng = np.random.default_rng(0)
    with nengo.Network(seed=0) as net:
        core.configure_settings(dtype="float64", jit_compile=False)
        net.inp = nengo.Node(np.zeros(2))
        out = nengo.Node(size_in=2)
        ensembles = [
            nengo.Ensemble(12 + 3 * i, d, neuron_type=neuron_type)
            for i, d in enumerate(dimensions)
        ]
        for i, ens in enumerate(ensembles):
            d = ens.dimensions
            nengo.Connection(net.inp, ens, transform=rng.normal(size=(d, 2)))
            nengo.Connection(ens, out, transform=rng.normal(size=(2, d)) / 10)
            if i and synapse is not None:
                before = ensembles[i - 1]
                weights = rng.normal(size=(before.dimensions, d)) / 5
                nengo.Connection(ens, before, transform=weights, synapse=synapse)
        net.p = nengo.Probe(out)
        net.spikes = [nengo.Probe(ens.neurons) for ens in ensembles]
    for connection in net.connections:
        connection.synapse = synapse and nengo.Lowpass(synapse)
    return net


DIMENSIONS = [1, 2, 3, 1, 2, 3, 11, 12, 13, 14]


def n_shapes(sim):
    return [
        len({op.A.shape for op in group})
        for group in sim.program.optimized.plan
        if isinstance(group[0], DotInc)
    ]


class TestSimulation:
    @pytest.mark.parametrize("compiled", [False, True])
    def test_reference(self, compiled):
        net = ragged_network(nengo.LIF(), dimensions=DIMENSIONS)
        net.inp.output = lambda t: [np.sin(9 * t), np.cos(7 * t)]
        with net:
            core.configure_settings(jit_compile=compiled)
        with nengo.Simulator(net, progress_bar=False) as ref:
            ref.run_steps(60)
        with core.Simulator(net, progress_bar=False) as sim:
            assert max(n_shapes(sim)) >= 4
            sim.run_steps(60)
        np.testing.assert_allclose(sim.data[net.p], ref.data[net.p], atol=1e-12)
        for probe in net.spikes:
            np.testing.assert_array_equal(sim.data[probe], ref.data[probe])

    def test_numpy(self):
        net = ragged_network(nengo.LIF())
        runs = []
        for seconds in (0, np.inf):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(tuning, "LOOP_SECONDS", seconds)
                with net:
                    core.configure_settings(jit_compile="auto")
                with core.Simulator(net, progress_bar=False, minibatch_size=3) as sim:
                    sim.run_steps(20, data={net.inp: np.ones((3, 20, 2))})
                    runs.append(sim.data[net.p])
        np.testing.assert_allclose(*runs, atol=1e-12)

    @pytest.mark.parametrize(("synapse", "minibatch_size"), [(None, 3), (0.01, 1)])
    def test_training(self, monkeypatch, synapse, minibatch_size):
        """Weights and gradients are those of products of their own."""
        rng = np.random.default_rng(1)
        x, y = rng.normal(size=(2, 2 * minibatch_size, 6, 2))
        results = []
        for min_shapes in (4, 1000):
            monkeypatch.setattr(tuning, "MIN_PADDED_SHAPES", min_shapes)
            net = ragged_network(nengo.RectifiedLinear(), synapse)
            with core.Simulator(
                net, minibatch_size=minibatch_size, progress_bar=False
            ) as sim:
                assert (max(n_shapes(sim)) > 1) == (min_shapes == 4)
                before = sim.predict(x)[net.p]
                sim.compile(tf.keras.optimizers.SGD(0.01), loss={net.p: "mse"})
                sim.fit(x, {net.p: y}, verbose=0)
                after = sim.predict(x)[net.p]
            assert np.abs(after - before).max() > 1e-3
            results.append((before, after))
        np.testing.assert_allclose(*results, rtol=1e-10, atol=1e-12)


@st.composite
def indices(draw):
    n_elements = draw(st.integers(1, 6))
    shape = draw(st.sampled_from([(3,), (2, 4), (1,), (7, 1)]))
    elements = st.integers(-1, n_elements - 1)
    size = int(np.prod(shape))
    chosen = draw(st.lists(elements, min_size=size, max_size=size))
    return n_elements, np.array(chosen).reshape(shape)


class TestTaken:
    @given(indices(), st.sampled_from([(), (2,), (2, 3)]))
    def test_values_and_gradient(self, index, leading):
        n_elements, index = index
        rng = np.random.default_rng(0)
        values = tf.constant(rng.normal(size=(*leading, n_elements)))
        upstream = rng.normal(size=(*leading, *index.shape))
        with tf.GradientTape() as tape:
            tape.watch(values)
            result = taken_back(values, index)
        np.testing.assert_array_equal(result, taken(values, index))
        one_hot = (index[..., None] == np.arange(n_elements)).astype(float)
        expected = np.tensordot(values.numpy(), one_hot, (-1, -1))
        np.testing.assert_array_equal(result, expected)
        gradient = tape.gradient(result, values, tf.constant(upstream))
        n_axes = index.ndim
        expected = np.tensordot(upstream, one_hot, (range(-n_axes, 0), range(n_axes)))
        np.testing.assert_allclose(gradient, expected, atol=1e-14)
