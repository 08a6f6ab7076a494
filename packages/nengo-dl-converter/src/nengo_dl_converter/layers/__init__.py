"""The converters of Keras' layers, one module for each family.

Importing this package fills the registry.
"""

from .activation import ConvertActivation, ConvertLeakyReLU, ConvertReLU
from .convolution import (
    ConvertConv,
    ConvertConv1D,
    ConvertConv2D,
    ConvertConv3D,
    ConvertSpatial,
)
from .dense import ConvertDense
from .fallback import ConvertFallback
from .input import ConvertInput
from .keras_spiking import (
    ConvertKerasSpiking,
    ConvertLowpassAlpha,
    ConvertSpikingActivation,
)
from .merging import (
    ConvertAdd,
    ConvertAverage,
    ConvertConcatenate,
    ConvertExtremum,
    ConvertMaximum,
    ConvertMerging,
    ConvertMinimum,
    ConvertMultiply,
    ConvertSubtract,
)
from .model import ConvertModel, ConvertSequential
from .normalization import (
    ConvertAffine,
    ConvertBatchNormalization,
    ConvertNormalization,
    ConvertRescaling,
)
from .operations import (
    ConvertAddOperation,
    ConvertArithmetic,
    ConvertSubtractOperation,
)
from .pooling import (
    ConvertAvgPool,
    ConvertAvgPool1D,
    ConvertAvgPool2D,
    ConvertAvgPool3D,
    ConvertMaxPool,
)
from .quantized_relu import ConvertQuantizedReLU
from .rearranging import (
    ConvertCropping,
    ConvertFlatten,
    ConvertPermute,
    ConvertRearranging,
    ConvertRepeatVector,
    ConvertReshape,
    ConvertUpSampling,
    ConvertUpSampling1D,
    ConvertUpSampling2D,
    ConvertUpSampling3D,
    ConvertZeroPadding,
    ConvertZeroPadding1D,
    ConvertZeroPadding2D,
    ConvertZeroPadding3D,
)
from .recurrent import ConvertRNN, ConvertSimpleRNN
from .separable_convolution import (
    ConvertDepthwise,
    ConvertDepthwiseConv,
    ConvertSeparableConv,
)
from .time_distributed import ConvertTimeDistributed
from .training_only import ConvertIdentity, ConvertTrainingOnly
from .transposed_convolution import ConvertConvTranspose

__all__ = [
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
]
