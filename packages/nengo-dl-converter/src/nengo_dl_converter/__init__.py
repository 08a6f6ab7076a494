"""Convert Keras models to Nengo networks.

Keras is loaded when what needs it is first used: files are looked into without.
"""

# ruff: noqa: F405 - what is offered includes all that `layers` offers

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import ConversionError, VerificationError
from .few_steps.results import Calibration, CalibrationStage, LayerCalibration
from .nir.errors import NIRError
from .report import LayerReport, Report

if TYPE_CHECKING:
    from nengo_dl_core import DEVICES, Device

    from .converter import Converter
    from .cost import Cost
    from .few_steps.layer import QuantizedReLU
    from .few_steps.neurons import SpikingQuantizedReLU
    from .layer_converter import LayerConverter
    from .layers import *  # noqa: F403
    from .nir.exporting import ApproximationReport, Deviation, to_nir
    from .nir.importing import Imported, from_nir
    from .scaling import firing_rate_scales

__all__ = [
    "DEVICES",
    "ApproximationReport",
    "Calibration",
    "CalibrationStage",
    "ConversionError",
    "ConvertActivation",
    "ConvertAdd",
    "ConvertAddOperation",
    "ConvertAffine",
    "ConvertArithmetic",
    "ConvertAverage",
    "ConvertAvgPool",
    "ConvertAvgPool1D",
    "ConvertAvgPool2D",
    "ConvertAvgPool3D",
    "ConvertBatchNormalization",
    "ConvertConcatenate",
    "ConvertConv",
    "ConvertConv1D",
    "ConvertConv2D",
    "ConvertConv3D",
    "ConvertConvTranspose",
    "ConvertCropping",
    "ConvertDense",
    "ConvertDepthwise",
    "ConvertDepthwiseConv",
    "ConvertExtremum",
    "ConvertFallback",
    "ConvertFlatten",
    "ConvertIdentity",
    "ConvertInput",
    "ConvertKerasSpiking",
    "ConvertLeakyReLU",
    "ConvertLowpassAlpha",
    "ConvertMaxPool",
    "ConvertMaximum",
    "ConvertMerging",
    "ConvertMinimum",
    "ConvertModel",
    "ConvertMultiply",
    "ConvertNormalization",
    "ConvertPermute",
    "ConvertQuantizedReLU",
    "ConvertRNN",
    "ConvertReLU",
    "ConvertRearranging",
    "ConvertRepeatVector",
    "ConvertRescaling",
    "ConvertReshape",
    "ConvertSeparableConv",
    "ConvertSequential",
    "ConvertSimpleRNN",
    "ConvertSpatial",
    "ConvertSpikingActivation",
    "ConvertSubtract",
    "ConvertSubtractOperation",
    "ConvertTimeDistributed",
    "ConvertTrainingOnly",
    "ConvertUpSampling",
    "ConvertUpSampling1D",
    "ConvertUpSampling2D",
    "ConvertUpSampling3D",
    "ConvertZeroPadding",
    "ConvertZeroPadding1D",
    "ConvertZeroPadding2D",
    "ConvertZeroPadding3D",
    "Converter",
    "Cost",
    "Deviation",
    "Device",
    "Imported",
    "LayerCalibration",
    "LayerConverter",
    "LayerReport",
    "NIRError",
    "QuantizedReLU",
    "Report",
    "SpikingQuantizedReLU",
    "VerificationError",
    "firing_rate_scales",
    "from_nir",
    "to_nir",
]

# The modules of names that need Keras; all others are converters of layers.
_MODULES = {
    "DEVICES": "nengo_dl_core",
    "Device": "nengo_dl_core",
    "ApproximationReport": ".nir.exporting",
    "Converter": ".converter",
    "Cost": ".cost",
    "Deviation": ".nir.exporting",
    "Imported": ".nir.importing",
    "LayerConverter": ".layer_converter",
    "QuantizedReLU": ".few_steps.layer",
    "SpikingQuantizedReLU": ".few_steps.neurons",
    "firing_rate_scales": ".scaling",
    "from_nir": ".nir.importing",
    "to_nir": ".nir.exporting",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Import what needs Keras, with the converters of layers, at its first use."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(_MODULES.get(name, ".layers"), __name__)
        value = globals()[name] = getattr(module, name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
