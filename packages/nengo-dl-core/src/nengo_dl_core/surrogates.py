r"""Functions whose derivative takes the place of that of a spike.

Whether a neuron spikes is a step function of its membrane potential, and has no useful
derivative. Let :math:`x` be the distance of the potential from the threshold, in units
of the threshold. To train a network in spikes, the derivative of the step is replaced
by one of

====================  ==============================================
``"fast_sigmoid"``    :math:`1 / (1 + 10 |x|)^2` [1]_
``"arctan"``          :math:`1 / (1 + (\pi x)^2)` [2]_
``"triangle"``        :math:`0.3 \max(0, 1 - |x|)` [3]_
====================  ==============================================

and everything else, such as the decay of the potential, is differentiated as it is.

References
----------
.. [1] Zenke, F. and Ganguli, S. "SuperSpike: Supervised learning in multilayer spiking
   neural networks." Neural Computation 30 (2018), section 2.
.. [2] Fang, W. et al. "Incorporating learnable membrane time constant to enhance
   learning of spiking neural networks." ICCV (2021), equation 16.
.. [3] Bellec, G. et al. "Long short-term memory and learning-to-learn in networks of
   spiking neurons." NeurIPS (2018), section 2.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

Surrogate = Callable[[tf.Tensor], tf.Tensor]


def _fast_sigmoid(x: tf.Tensor) -> tf.Tensor:
    return x / (1 + 10 * tf.abs(x))


def _arctan(x: tf.Tensor) -> tf.Tensor:
    return tf.atan(np.pi * x) / np.pi


def _triangle(x: tf.Tensor) -> tf.Tensor:
    x = tf.clip_by_value(x, -1, 1)
    return 0.3 * (x - x * tf.abs(x) / 2)


SURROGATES: dict[str, Surrogate] = {
    "fast_sigmoid": _fast_sigmoid,
    "arctan": _arctan,
    "triangle": _triangle,
}
"""The antiderivatives by name."""


def with_gradient_of(function: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """Give a value the gradient of something else.

    Parameters
    ----------
    function : tf.Tensor
        What to take the gradient of; finite.
    value : tf.Tensor
        The value, of the same shape.

    Returns
    -------
    value : tf.Tensor
        Exactly the value, since what is added to it is zero.
    """
    return tf.stop_gradient(value) + (function - tf.stop_gradient(function))
