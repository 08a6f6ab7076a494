"""Sparse transforms: products of sparse matrices."""

import nengo
import numpy as np
import pytest
import tensorflow as tf
from scipy import sparse

from nengo_dl_core import Simulator, configure_settings
from nengo_dl_core.builders.sparse import sparse_matmul
from reference import assert_matches_reference, assert_same, simulated_data


def random_matrix(rng, n_rows, n_columns, per_row):
    """As many entries in each row, or the first rows full and the others empty."""
    rows = np.repeat(np.arange(n_rows), per_row)
    columns = rng.integers(n_columns, size=rows.size)
    shape = (n_rows, n_columns)
    return sparse.coo_matrix((rng.normal(size=rows.size), (rows, columns)), shape)


@pytest.fixture
def net():
    """Matrices with even and uneven rows, two of them of different shapes."""
    rng = np.random.default_rng(0)
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        stimulus = nengo.Node(lambda t: np.sin(t * np.arange(1, 31)))
        for size, per_row in ((20, 3), (10, 3), (20, np.arange(20))):
            matrix = random_matrix(rng, size, 30, per_row)
            target = nengo.Node(size_in=size)
            transform = nengo.Sparse(matrix.shape, init=matrix)
            nengo.Connection(stimulus, target, transform=transform)
            nengo.Probe(target)
        neurons = nengo.Ensemble(20, 1).neurons
        indices = [[0, 1], [0, 1], [19, 3]]
        transform = nengo.Sparse((20, 20), indices=indices, init=[1, 2, 3])
        nengo.Connection(target, neurons, transform=transform)
        nengo.Probe(neurons, "input")
    return net


def test_equals_reference(net):
    expected = assert_matches_reference(net, 50)
    minibatch = simulated_data(net, [50], minibatch_size=2)
    for item in range(2):
        assert_same({probe: x[item] for probe, x in minibatch.items()}, expected)


@pytest.mark.parametrize("transpose_x", [True, False])
def test_sparse_matmul(transpose_x):
    rng = np.random.default_rng(0)
    matrix = random_matrix(rng, 8, 5, 2)
    x = rng.normal(size=(5, 3))
    indices = np.stack([matrix.row, matrix.col], axis=1)
    product = tf.function(sparse_matmul, jit_compile=True)(
        tf.constant(indices),
        tf.constant(matrix.data),
        matrix.shape,
        tf.constant(x.T if transpose_x else x),
        transpose_x=transpose_x,
    )
    np.testing.assert_allclose(product, matrix @ x, atol=1e-12)


def test_sparse_matmul_has_a_gradient():
    indices = tf.constant([[0, 1], [2, 0], [2, 0]])
    data = tf.constant([2.0, 3.0, 4.0])
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    with tf.GradientTape() as tape:
        tape.watch([data, x])
        product = sparse_matmul(indices, data, (3, 2), x)
    by_data, by_x = tape.gradient(product, [data, x])
    np.testing.assert_allclose(by_data, [7, 3, 3])
    np.testing.assert_allclose(tf.convert_to_tensor(by_x), [[7, 7], [2, 2]])


def test_weights_are_sparse_when_read(net):
    with Simulator(net, progress_bar=False) as sim:
        before = [sim.data[conn].weights for conn in net.all_connections]
        for _, variable in sim.tensor_graph.parameters:
            variable.assign(variable * 2)
        for conn, weights in zip(net.all_connections, before, strict=True):
            assert weights is sim.model.params[conn].weights
            doubled = sim.data[conn].weights
            assert type(doubled) is type(weights)
            np.testing.assert_allclose(doubled.toarray(), 2 * weights.toarray())
