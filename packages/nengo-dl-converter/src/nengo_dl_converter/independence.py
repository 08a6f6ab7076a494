"""Whether a layer computes each example, and each step of time, by itself.

A network does: what a layer without native form does is not known, so it is tried out.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from .keras_graph import Call


def works_across(call: Call) -> str | None:
    """Tell whether a layer's output depends on other examples, or on other steps.

    Parameters
    ----------
    call : Call
        A call of the layer.

    Returns
    -------
    across : {"examples of a batch", "steps of a temporal model"} or None
        None if each is computed by itself, or if it cannot be known: random layers,
        and those that TensorFlow does not compute here, are not tried out.
    """
    values = _random_inputs(call)
    try:
        whole, again = _outputs(call, values), _outputs(call, values)
        if _draws_numbers(call, values) or not all(map(_close, whole, again)):
            return None
    except (tf.errors.OpError, NotImplementedError):
        return None
    lead = next(iter(values.values())).shape[: call.batch_axes]
    if any(output.shape[:1] != lead[:1] for output in whole):
        return _EXAMPLES
    if any(output.shape[: call.batch_axes] != lead for output in whole):
        return _STEPS
    # There is one before this part and more after it, so that no symmetry hides it.
    part = np.s_[1:3]
    if call.inputs[0].shape[0] is None and _differ(call, values, whole, part):
        return _EXAMPLES
    if lead[1:] > (1,) and _differ(call, values, whole, np.s_[:, part]):
        return _STEPS
    return None


_EXAMPLES = "examples of a batch"
_STEPS = "steps of a temporal model"


def _random_inputs(call: Call) -> dict[keras.KerasTensor, np.ndarray]:
    """Return inputs of a call: with 5 examples and steps, unless it fixes how many."""
    rng = np.random.default_rng(0)
    values = {}
    for tensor, shape in zip(call.inputs, call.input_shapes, strict=True):
        lead = [n or 5 for n in tensor.shape[: call.batch_axes]]
        integers = "int" in tensor.dtype
        draw = partial(rng.integers, 0, 2) if integers else rng.normal
        values[tensor] = np.asarray(draw(size=(*lead, *shape)))
    return values


def _differ(
    call: Call,
    values: dict[keras.KerasTensor, np.ndarray],
    whole: list[np.ndarray],
    part: Any,
) -> bool:
    """Tell whether a part of the inputs has other outputs than it has in the whole."""
    try:
        outputs = _outputs(call, {key: value[part] for key, value in values.items()})
    except tf.errors.OpError:
        return True
    return not all(
        _close(one[part], other) for one, other in zip(whole, outputs, strict=True)
    )


def _outputs(call: Call, values: dict[keras.KerasTensor, np.ndarray]) -> list[Any]:
    """Compute a layer, and leave its state as it is."""
    given = {key: tf.cast(value, key.dtype) for key, value in values.items()}
    args, kwargs = call.arguments(given)
    layer = call.layer
    if isinstance(layer, keras.Layer):
        weights = layer.trainable_variables, layer.non_trainable_variables
        outputs, *_ = layer.stateless_call(*weights, *args, **kwargs)
    else:
        outputs = layer(*args, **kwargs)
    return [np.asarray(output) for output in keras.tree.flatten(outputs)]


def _draws_numbers(call: Call, values: dict[keras.KerasTensor, np.ndarray]) -> bool:
    """Tell whether a layer moves the seed of random numbers, which are integers."""
    if not isinstance(call.layer, keras.Layer):
        return False
    given = {key: tf.cast(value, key.dtype) for key, value in values.items()}
    args, kwargs = call.arguments(given)
    layer = call.layer
    weights = layer.trainable_variables, layer.non_trainable_variables
    _, after = layer.stateless_call(*weights, *args, **kwargs)
    return any(
        "int" in before.dtype and bool(np.any(np.asarray(before) != np.asarray(new)))
        for before, new in zip(layer.non_trainable_variables, after, strict=True)
    )


def _close(first: np.ndarray, second: np.ndarray) -> bool:
    """Tell whether two arrays are equal, but for rounding."""
    return first.shape == second.shape and np.allclose(
        first, second, rtol=1e-3, atol=1e-3, equal_nan=True
    )
