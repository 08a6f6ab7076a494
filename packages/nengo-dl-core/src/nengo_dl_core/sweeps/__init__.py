"""Sweeps: one network many times, with other seeds and parameters.

`fingerprint` says which networks a compiled simulation can run, `executable` runs them
one after the other or side by side, `store` keeps what has been computed, and `sweep`
shares the work out.
"""
