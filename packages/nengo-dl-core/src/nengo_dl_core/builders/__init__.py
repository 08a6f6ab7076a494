"""Builders of Nengo's operators; importing them registers them."""

from nengo_dl_core.builders import (  # noqa: F401
    bcm,
    convolution,
    copy,
    dot,
    elementwise,
    neurons,
    node_input,
    oja,
    outer_product,
    pes,
    probe,
    process,
    pyfunc,
    reset,
    rls,
    rounding,
    sparse,
    tensor_node,
    time,
    voja,
)
