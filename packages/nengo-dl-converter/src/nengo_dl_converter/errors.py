"""Errors of the conversion."""

from __future__ import annotations


class ConversionError(TypeError):
    """A model, or a layer of it, has no form as native Nengo objects."""


class VerificationError(ValueError):
    """A converted network does not compute what its Keras model computes."""
