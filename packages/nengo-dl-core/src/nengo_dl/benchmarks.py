"""Benchmark networks, from the distribution nengo-dl-benchmarks."""

from nengo_dl._distributions import install_hint

with install_hint("nengo-dl-benchmarks"):
    from nengo_dl_benchmarks import (
        basal_ganglia,
        cconv,
        integrator,
        lmu,
        mnist,
        pes,
        random_network,
        run_profile,
        spaun,
    )

__all__ = [
    "basal_ganglia",
    "cconv",
    "integrator",
    "lmu",
    "mnist",
    "pes",
    "random_network",
    "run_profile",
    "spaun",
]
