"""Decoders of ensembles: what all connections of an ensemble share is computed once."""

from .builder import SharedDecoderBuilder

__all__ = ["SharedDecoderBuilder"]
