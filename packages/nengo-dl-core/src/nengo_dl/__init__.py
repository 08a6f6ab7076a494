"""Nengo networks on TensorFlow, under the names and paths of NengoDL 3.

The simulator behind them is `nengo_dl_core`. Everything here is imported when it is
first used: TensorFlow with what needs it, and the distributions that
``nengo_dl.Converter``, ``nengo_dl.converter`` and ``nengo_dl.benchmarks`` are in.
"""

from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

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

from nengo_dl_core import LeakyReLU, SoftLIFRate, SpikingLeakyReLU, configure_settings

if TYPE_CHECKING:
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
    from nengo_dl_core import Layer, TensorNode

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

# The modules of names that are imported at their first use; other names are modules.
_MODULES = {
    "Converter": "converter",
    "Layer": "tensor_node",
    "Simulator": "simulator",
    "TensorNode": "tensor_node",
}
_ELSEWHERE = ("Converter", "benchmarks", "converter")

# Names of earlier releases that are no more, and what to use instead.
_GONE = {"tensor_layer": "Layer"}


def __getattr__(name: str) -> Any:
    """Import a module at its first use."""
    if name not in (*__all__, *_ELSEWHERE):
        instead = f": use {__name__}.{_GONE[name]}" if name in _GONE else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{instead}")
    module = import_module(f"{__name__}.{_MODULES.get(name, name)}")
    return getattr(module, name) if name in _MODULES else module


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ELSEWHERE})
