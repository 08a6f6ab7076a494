"""``python -m nengo_dl_benchmarks``."""

from nengo_dl_benchmarks.cli import main

main(prog_name="nengo-dl-benchmarks")
