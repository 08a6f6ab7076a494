"""Benchmark networks, from the distribution nengo-dl-benchmarks."""

from nengo_dl._distributions import install_hint

with install_hint("nengo-dl-benchmarks"):
    from nengo_dl_benchmarks import (
        basal_ganglia,
        cconv,
        integrator,
        pes,
        random_network,
        run_profile,
    )

__all__ = [
    "basal_ganglia",
    "cconv",
    "integrator",
    "pes",
    "random_network",
    "run_profile",
]
