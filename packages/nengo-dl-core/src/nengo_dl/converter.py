"""Conversion of Keras models, from the distribution nengo-dl-converter."""

from nengo_dl._distributions import install_hint

with install_hint("nengo-dl-converter"):
    from nengo_dl_converter import (
        ConvertActivation,
        ConvertDense,
        Converter,
        ConvertFallback,
        ConvertFlatten,
        ConvertInput,
        ConvertModel,
        ConvertReLU,
        ConvertSequential,
        LayerConverter,
    )

__all__ = [
    "ConvertActivation",
    "ConvertDense",
    "ConvertFallback",
    "ConvertFlatten",
    "ConvertInput",
    "ConvertModel",
    "ConvertReLU",
    "ConvertSequential",
    "Converter",
    "LayerConverter",
]
