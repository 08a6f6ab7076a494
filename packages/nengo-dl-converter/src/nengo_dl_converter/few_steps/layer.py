"""The quantized activation that a Keras model is trained with."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("nengo_dl_converter")
class QuantizedReLU(keras.layers.Layer):
    r"""A ReLU with a maximum that is learned, in levels that are spike counts.

    .. math::

       f(x) = \frac{\lambda}{L} \operatorname{clip}
              \left( \left\lfloor \frac{L x}{\lambda} + \frac12 \right\rfloor, 0, L
              \right)

    is what `SpikingQuantizedReLU` neurons of the threshold :math:`\lambda` give in
    :math:`L` steps, on average (quantization-clip-floor-shift, [1]_). A model that is
    trained with it knows the rounding that spikes will bring, and the `Converter` makes
    such neurons of the layer. In training, the derivative passes through the rounding
    as if it were none.

    Parameters
    ----------
    levels : int
        Number of levels above zero, :math:`L`: the steps that the network will run
        for. More steps are no harm.
    threshold : float
        Where the training of the maximum :math:`\lambda` starts, in units of the input;
        one number for the whole layer.
    **kwargs
        Passed on to `keras.layers.Layer`.

    Raises
    ------
    ValueError
        If there is no level, or the threshold is not above zero.

    References
    ----------
    .. [1] T. Bu, W. Fang, J. Ding, P. Dai, Z. Yu, T. Huang (2022): Optimal ANN-SNN
       conversion for high-accuracy and ultra-low-latency spiking neural networks. ICLR,
       arXiv:2303.04347.

    Examples
    --------
    >>> import numpy as np
    >>> from nengo_dl_converter import QuantizedReLU
    >>> layer = QuantizedReLU(levels=4, threshold=2.0)
    >>> layer(np.array([[-1.0, 0.2, 0.3, 1.1, 5.0]])).numpy()
    array([[0. , 0. , 0.5, 1. , 2. ]], dtype=float32)
    """

    def __init__(self, levels: int = 8, threshold: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if levels < 1 or levels != int(levels):
            raise ValueError(f"levels must be a whole number above 0, not {levels}")
        if not threshold > 0:
            raise ValueError(f"threshold must be above 0, not {threshold}")
        self.levels = int(levels)
        self.initial_threshold = float(threshold)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Add the threshold.

        Parameters
        ----------
        input_shape : tuple of int
            Shape of the inputs.
        """
        self.threshold = self.add_weight(
            name="threshold",
            shape=(),
            initializer=keras.initializers.Constant(self.initial_threshold),
            constraint=Positive(),
        )

    def call(self, inputs: Any) -> Any:
        """Compute the activation.

        Parameters
        ----------
        inputs : tf.Tensor
            Any shape.

        Returns
        -------
        outputs : tf.Tensor
            The same shape.
        """
        ops = keras.ops
        threshold = ops.convert_to_tensor(self.threshold)
        line = self.levels * ops.clip(inputs / threshold, 0.0, 1.0)
        rounding = ops.floor(line + 0.5) - line
        return threshold / self.levels * (line + ops.stop_gradient(rounding))

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Return the shape of the outputs, that of the inputs."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the layer."""
        return {
            **super().get_config(),
            "levels": self.levels,
            "threshold": self.initial_threshold,
        }


@keras.saving.register_keras_serializable("nengo_dl_converter")
class Positive(keras.constraints.Constraint):
    """Keeps thresholds above zero in training, where the gradient would cross it."""

    def __call__(self, w: Any) -> Any:
        """Return the weights, at least a thousandth."""
        return keras.ops.maximum(w, 1e-3)
