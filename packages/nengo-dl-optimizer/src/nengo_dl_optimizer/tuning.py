"""Thresholds that were measured, each with the figures behind it."""

LARGE_MATRIX = 2**13
"""From so many elements on, one product serves several operators of a vector.

That gains more then than another order of their results loses. With 150 to 250
operators of 30 to 50 vectors, a step of the whole model takes 30 % less with matrices
of 32 x 1024 and 10 % less with 16 x 800, but 40 % more with 8 x 400 (compiled by XLA,
two cores of an x86-64 server processor).
"""
