"""Builders of Nengo's operators; importing them registers them."""

from nengo_dl_core.builders import (  # noqa: F401
    copy,
    dot,
    elementwise,
    neurons,
    probe,
    process,
    pyfunc,
    reset,
    time,
)
