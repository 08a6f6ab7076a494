"""Graphs of the Neuromorphic Intermediate Representation (NIR), in and out."""
