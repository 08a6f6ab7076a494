"""Convolutions: `nengo.builder.transforms.ConvInc` and `ConvSet`."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from nengo.builder.transforms import extract_sliding_windows

from ...operators import ConvSet
from ..memory import Memory, Step
from .makers import Group, per_item
from .own_steps import own_steps


@per_item
def convolution(group: Group, memory: Memory, dt: float) -> list[Step]:
    """Multiply all windows of an image with the filters, as one matrix."""
    steps: list[Step] = []
    for op in group:
        types = {memory.dtype(signal) for signal in op.all_signals}
        plain = op.conv.groups == 1 and op.conv.dimensions <= 2 and len(types) == 1
        steps += _product(op, memory) if plain else own_steps([op], memory, dt)
    return steps


def _product(op: Any, memory: Memory) -> list[Step]:
    conv = op.conv
    weights, x, y = memory[op.W], memory[op.X], memory[op.Y]
    last = conv.channels_last
    strides = (1,) * (2 - conv.dimensions) + conv.strides
    # Number 0 is an element that stays zero, with which Nengo pads the image.
    numbers = np.arange(1, x.size + 1).reshape(conv.input_shape.shape)
    numbers = numbers if last else np.moveaxis(numbers, 0, -1)
    channels = numbers.shape[-1]
    size = (1,) * (2 - conv.dimensions) + conv.kernel_size
    image = numbers.reshape(1, *(1,) * (2 - conv.dimensions), *numbers.shape)
    windows = extract_sliding_windows(image, size, conv.padding.upper(), strides)
    n_outputs = weights.shape[-1]
    index = np.ascontiguousarray(windows.reshape(-1, np.prod(size) * channels))
    padded = np.zeros(x.size + 1, x.dtype)
    values = np.zeros(index.shape, x.dtype)
    result = np.zeros((len(index), n_outputs), x.dtype)
    output = y.reshape(conv.output_shape.shape, copy=False)
    output = output if last else np.moveaxis(output, 0, -1)
    shaped = result.reshape(output.shape)
    return [
        partial(np.copyto, padded[1:], x.reshape(-1)),
        partial(padded.take, index, None, values, "clip"),
        partial(np.dot, values, weights.reshape(-1, n_outputs, copy=False), result),
        partial(np.copyto, output, shaped)
        if type(op) is ConvSet
        else partial(np.add, output, shaped, output),
    ]
