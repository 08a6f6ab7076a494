"""A Legendre memory unit: a recurrent cell that remembers a window of its input."""

from __future__ import annotations

from typing import Any

import nengo
import numpy as np
import numpy.typing as npt

ORDER = 256
UNITS = 212
OUTPUTS = 10


def lmu(
    theta: int, input_d: int, native_nengo: bool = False, dtype: str = "float32"
) -> nengo.Network:
    """Build a network of one Legendre memory unit and a dense readout.

    The unit has the size that the paper uses for permuted sequential MNIST: 212 hidden
    units and a memory of order 256 [1]_.

    Parameters
    ----------
    theta : int
        Length of the window that is remembered, in steps.
    input_d : int
        Number of dimensions of the input.
    native_nengo : bool
        Build the unit of Nengo objects, which take one element of the sequence in each
        simulation step. Otherwise it is one TensorNode, which takes a whole sequence of
        ``theta`` elements in each simulation step.
    dtype : str
        Type of the weights in the TensorNode; that of the Nengo objects is the
        simulator's.

    Returns
    -------
    net : nengo.Network
        Network with one input node, ``net.inp``, and one probe of ten dimensions,
        ``net.p``.

    References
    ----------
    .. [1] A. R. Voelker, I. Kajić and C. Eliasmith (2019). Legendre memory units:
       continuous-time representation in recurrent neural networks. Advances in Neural
       Information Processing Systems.

    Examples
    --------
    >>> net = lmu(theta=1000, input_d=1, native_nengo=True)
    >>> net.probes[0].size_in
    10
    """
    return _native(theta, input_d) if native_nengo else _tensor(theta, input_d, dtype)


def memory_matrices(
    theta: int, order: int = ORDER
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return what the memory does in one step, ``m = A m + B u``.

    The memory holds the coefficients of Legendre polynomials that describe the last
    ``theta`` values of ``u`` (equations 2 and 4 of the paper); the input is held for a
    step.

    Parameters
    ----------
    theta : int
        Length of the window, in steps.
    order : int
        Number of Legendre polynomials.

    Returns
    -------
    A : (order, order) array
    B : (order, 1) array
    """
    from scipy.signal import cont2discrete

    i, j = np.ogrid[:order, :order]
    rate = (2 * i + 1) / theta
    A = rate * np.where(i < j, -1.0, (-1.0) ** (i - j + 1))
    B = rate * (-1.0) ** i
    C, D = np.ones((1, order)), np.zeros((1, 1))
    discrete_A, discrete_B, *_ = cont2discrete((A, B, C, D), dt=1.0, method="zoh")
    return discrete_A, discrete_B


def _native(theta: int, input_d: int) -> nengo.Network:
    from nengo_dl_core import configure_settings

    A, B = memory_matrices(theta)
    with nengo.Network(seed=0) as net:
        configure_settings(trainable=None)
        net.config[nengo.Connection].synapse = None
        net.inp = _sequence(theta, input_d)
        u = nengo.Node(size_in=1)
        m = nengo.Node(size_in=ORDER)
        units = nengo.Ensemble(
            UNITS,
            1,
            neuron_type=nengo.Tanh(tau_ref=1),
            gain=nengo.dists.Choice([1]),
            bias=nengo.dists.Choice([0]),
        )
        h = units.neurons
        readout = nengo.Node(size_in=OUTPUTS)

        # A synapse of time constant zero passes on the value of the step before.
        _dense(net.inp, u)
        _dense(h, u, synapse=0)
        _dense(m, u, synapse=0)
        from_input = nengo.Connection(u, m, transform=B)
        from_memory = nengo.Connection(m, m, transform=A, synapse=0)
        _dense(net.inp, h)
        _dense(h, h, synapse=0)
        _dense(m, h)
        _dense(h, readout)
        for fixed in (from_input, from_memory, units, h):
            net.config[fixed].trainable = False
        net.p = nengo.Probe(readout)
    return net


def _sequence(length: int, size: int) -> nengo.Node:
    """Give a random vector in each step, over and over again."""
    values = np.random.default_rng(0).uniform(-1, 1, size=(length, size))
    return nengo.Node(nengo.processes.PresentInput(values, presentation_time=0.001))


def _dense(pre: Any, post: Any, **options: Any) -> None:
    """Connect all with all; weights as Glorot and Bengio (2010) choose them."""
    limit = np.sqrt(6 / (pre.size_out + post.size_in))
    nengo.Connection(
        pre,
        post,
        transform=nengo.Dense(
            (post.size_in, pre.size_out), init=nengo.dists.Uniform(-limit, limit)
        ),
        **options,
    )


def _tensor(theta: int, input_d: int, dtype: str) -> nengo.Network:
    import keras

    from nengo_dl_benchmarks.networks.lmu_cell import LMUCell
    from nengo_dl_core import TensorNode

    cell = LMUCell(*memory_matrices(theta), UNITS, dtype=dtype)
    model = keras.Sequential(
        [
            keras.Input((theta, input_d), dtype=dtype),
            keras.layers.RNN(cell, dtype=dtype),
            keras.layers.Dense(OUTPUTS, use_bias=False, dtype=dtype),
        ]
    )
    with nengo.Network(seed=0) as net:
        net.inp = _sequence(1, theta * input_d)
        node = TensorNode(
            model, shape_in=(theta, input_d), shape_out=(OUTPUTS,), pass_time=False
        )
        nengo.Connection(net.inp, node, synapse=None)
        net.p = nengo.Probe(node)
    return net
