"""Conversion in few steps: neurons whose spike counts are levels of an activation."""
