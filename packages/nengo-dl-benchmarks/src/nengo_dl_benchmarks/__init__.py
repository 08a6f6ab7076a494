"""Benchmark networks for Nengo simulators, and a command line to time them."""
