"""From Nengo's objects to operators: the build, settings, inputs, names, trainability.

Imports nothing else of core but modules at its top.
"""
