"""Core's own simplifications of operator graphs.

Imports the rooms `network` and `builders`.
"""
