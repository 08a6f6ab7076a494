"""Nengo networks on TensorFlow, under the names and paths of NengoDL 3.

The simulator behind them is `nengo_dl_core`. ``nengo_dl.Converter``,
``nengo_dl.converter`` and ``nengo_dl.benchmarks`` are in distributions of their own
and imported when they are first used.
"""

from importlib import import_module, metadata
from typing import Any

try:
    _release = metadata.version("nengo-dl")
except metadata.PackageNotFoundError:
    pass
else:
    raise ImportError(
        f"nengo-dl {_release} is installed beside nengo-dl-core, and both own the "
        "package nengo_dl. Keep one of them. For nengo-dl-core: "
        "python -m pip uninstall nengo-dl nengo-dl-core && "
        "python -m pip install nengo-dl-core"
    )

from nengo_dl import (
    builder,
    callbacks,
    config,
    dists,
    graph_optimizer,
    learning_rule_builders,
    losses,
    neuron_builders,
    obj,
    op_builders,
    process_builders,
    signals,
    simulator,
    tensor_graph,
    tensor_node,
    transform_builders,
    utils,
)
from nengo_dl.simulator import Simulator
from nengo_dl_core import (
    Layer,
    LeakyReLU,
    SoftLIFRate,
    SpikingLeakyReLU,
    TensorNode,
    configure_settings,
)

__all__ = [
    "Layer",
    "LeakyReLU",
    "Simulator",
    "SoftLIFRate",
    "SpikingLeakyReLU",
    "TensorNode",
    "builder",
    "callbacks",
    "config",
    "configure_settings",
    "dists",
    "graph_optimizer",
    "learning_rule_builders",
    "losses",
    "neuron_builders",
    "obj",
    "op_builders",
    "process_builders",
    "signals",
    "simulator",
    "tensor_graph",
    "tensor_node",
    "transform_builders",
    "utils",
]

_LAZY = {
    "Converter": "nengo_dl.converter",
    "benchmarks": "nengo_dl.benchmarks",
    "converter": "nengo_dl.converter",
}

# Names of earlier releases that are no more, and what to use instead.
_GONE = {"tensor_layer": "Layer"}


def __getattr__(name: str) -> Any:
    """Import what is in another distribution."""
    if name not in _LAZY:
        instead = f": use {__name__}.{_GONE[name]}" if name in _GONE else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{instead}")
    module = import_module(_LAZY[name])
    return getattr(module, name, module)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
