"""Executors of programs, and the choice between them.

Imports the rooms `program` and `values`, and those below.
"""
