"""Benchmark networks for Nengo simulators, and a command line to time them."""

from nengo_dl_benchmarks.networks import (
    basal_ganglia,
    cconv,
    chain,
    convolution,
    feedback,
    integrator,
    legendre_memory,
    lmu,
    mixed_sizes,
    mnist,
    pes,
    python_node,
    random_network,
    ring,
    spaun,
    spiking_convolution,
    spiking_layer,
)
from nengo_dl_benchmarks.own import Comparison, compare, plan
from nengo_dl_benchmarks.profiling import run_profile

__all__ = [
    "Comparison",
    "basal_ganglia",
    "cconv",
    "chain",
    "compare",
    "convolution",
    "feedback",
    "integrator",
    "legendre_memory",
    "lmu",
    "mixed_sizes",
    "mnist",
    "pes",
    "plan",
    "python_node",
    "random_network",
    "ring",
    "run_profile",
    "spaun",
    "spiking_convolution",
    "spiking_layer",
]
