"""Draws random numbers that depend on the neuron and the step alone.

A number is a function of its stream and of the step, not of a generator that is drawn
from: runs in pieces give what a whole run gives, merged operators what single ones do,
and an item of a minibatch what it would have alone. TensorFlow's stateless functions
give one stream to a whole tensor, so that its values change with the tensor's shape.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import numpy.typing as npt
import tensorflow as tf


def stream_keys(
    rng: np.random.RandomState, minibatch_size: int, size: int
) -> npt.NDArray[np.uint64]:
    """Seed a stream of random numbers for each neuron and item of a minibatch.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Generator of the model, which is not drawn from.
    minibatch_size : int
        Number of items in a minibatch.
    size : int
        Number of neurons.

    Returns
    -------
    keys : ndarray
        Keys of the streams, of shape ``(minibatch_size, size)``.
    """
    seeds = deepcopy(rng).randint(2**32, size=4, dtype=np.uint32)
    return np.stack(
        [
            np.random.SeedSequence([*seeds, item]).generate_state(size, np.uint64)
            for item in range(minibatch_size)
        ]
    )


def uniform(
    keys: tf.Tensor, step: tf.Tensor, draw: tf.Tensor | int, dtype: str
) -> tf.Tensor:
    """Draw uniformly distributed random numbers.

    This is SplitMix64 [1]_, whose ``n``-th number is a hash of ``n`` and the seed.

    Parameters
    ----------
    keys : tf.Tensor
        Keys of streams, of type uint64 and any shape.
    step : tf.Tensor
        Number of the step, an integer.
    draw : tf.Tensor or int
        Distinguishes several numbers of one stream in one step.
    dtype : str
        Type of the numbers.

    Returns
    -------
    numbers : tf.Tensor
        Numbers in [0, 1) of the shape of ``keys``: multiples of the type's resolution.

    References
    ----------
    .. [1] Steele, G. L., Lea, D., and Flood, C. H. "Fast splittable pseudorandom number
       generators." ACM SIGPLAN Notices 49.10 (2014): 453-472, figure 17.
    """
    bits = _split_mix(_split_mix(keys, step), draw)
    n_bits = np.finfo(dtype).nmant + 1
    integers = tf.bitwise.right_shift(bits, np.uint64(64 - n_bits))
    return tf.cast(tf.cast(integers, tf.int64), dtype) * 2.0**-n_bits


def _split_mix(seed: tf.Tensor, n: tf.Tensor | int) -> tf.Tensor:
    """Compute the ``n``-th number of a SplitMix64 generator, of type uint64."""
    z = seed + tf.cast(n, tf.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z ^ tf.bitwise.right_shift(z, np.uint64(shift))) * np.uint64(factor)
    return z ^ tf.bitwise.right_shift(z, np.uint64(31))
