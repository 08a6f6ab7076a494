"""Thresholds that were measured, each with the figures behind it.

Most of what a step computes can be computed in several ways, and which is the fastest
depends on sizes and on the processor. The figures are microseconds of a step, compiled,
in float32, on two cores of an x86-64 server processor, unless they say otherwise.
``nox -s tune`` measures them again, where it runs, and says which choices hold there.

Speed is all that they decide. They hold for CPUs; on a GPU, where nobody has measured,
builders take TensorFlow's own way (`nengo_dl_core.builders.base.BuildConfig.cpu_only`).
The exceptions are lengths that there have to be on any device: `MAX_PIECES` and the
buffers'.
"""

from __future__ import annotations

# Products of matrices and vectors
#
# XLA has several ways to compute a product on a CPU. Which it takes depends on the
# shapes, and on the side that the matrix is on. For k matrices of m x n and b items:
#
#     k   m     n     b   on right  on left  in halves
#     1   128   4096  1   98        98       44
#     1   4096  128   1   96        96       36
#     1   1024  1024  1   85        85       83
#     1   128   4096  8   233       128      415
#     1   1024  1024  8   317       176      398
#     8   256   256   16  460       193      495
#     20  100   3     16  75        26
#     20  3     100   16  42        50
#     1   1000  10    16  23        39
#     1   2048  64    64  129       242

HALVED_SIZES = range(2**18, 2**20)
"""Number of elements of a single matrix that is multiplied in halves, by one item."""

LEFT_SIZE = 2**16
"""From so many elements on a single matrix is on the left."""

LEFT_SIZE_STACKED = 2**14
"""The same for each of several matrices."""

MAX_LEFT_ITEMS = 32
"""With so many items of a minibatch no matrix is on the left."""

# Before many steps the matrices can be transposed, which takes a nanosecond for each
# element. XLA does it in every step if they are on the right.
#
#     k   m     n     b   on right  on left  on right, transposed before
#     1   128   4096  8   182       127      91
#     1   1024  1024  2   220       79       57
#     1   1024  1024  16  393       258      203
#     1   1024  1024  64  890       826      779
#     8   256   256   2   110       78       33
#     20  32    1024  4   289       205      91
#     20  4     100   16  14        22       23
#     20  16    100   16  27        34       25

MIN_TRANSPOSED_ROWS = 16
"""Matrices of fewer rows are on the right as they are."""

MAX_TRANSPOSED_ITEMS = 64
"""With so many items of a minibatch no matrix is transposed before."""

MIN_STEPS_PREPARED = 16
"""For so many steps of a minibatch something is prepared before the first."""

LANES = 8
"""Running sums that a product of two vectors is formed by."""

MAX_PARTS = 8
"""Products that a group is computed by. With more each operator would be alone."""

# Products that are padded to one shape, see `nengo_dl_core.program.padding`
#
# Sixty ensembles of 20 to 197 neurons and one to four dimensions, one after the other:
#
#                  groups  to the first step, s  a step, one item
#     alone        126     7.5                   45
#     padded       12      1.5                   60 to 75

MAX_PADDED_SIZE = 2**12 - 1
"""Matrices of up to so many elements are filled up to a common shape."""

MIN_PADDED_SHAPES = 4
"""Products of so many shapes at least become one."""

MAX_PADDING = 1.0
"""There are at most so many zeros for each weight."""

MAX_NARROW_COLUMNS = 8
"""Matrices of up to so many columns are multiplied column by column."""

ZEROS_OF_GROUP = 2**12
"""A group of operators costs as much as so many zeros."""

# Products of sparse matrices
#
# XLA has none on the CPU. Rows are filled up with zeros to equal length, and the
# product is a sum along an axis; or entries are added up row by row. For a matrix of
# 1000 x 1000 with 10 entries a row:
#
#     items  filled up  row by row
#     1      19         29
#     16     56         250

MAX_FILL = 2
"""Rows are filled up if that makes no more than so many times the work."""

# Linear filters
#
# Written out, products with their small matrices are sums of products. A minibatch of
# 16 of forty filters of second order takes a seventh of the time so.

MAX_ORDER_WRITTEN_OUT = 4
"""Up to this order of a filter products are written out."""

# Correlation with kernels, see `nengo_dl_core.builders.correlation`
#
# A sum over the elements of the kernel, for 8 images of 28 x 28 and a kernel of 3 x 3,
# in milliseconds of processor time:
#
#     channels              sum  TensorFlow's
#     1 to 32               0.3  0.7
#     32 to 32, 32 groups   1.0  19.5

MAX_SUMMED_CHANNELS = 2
"""With up to so many channels in a group a correlation is a sum over the kernel."""

MAX_SUMMED_ELEMENTS = 32
"""Up to so many elements, along the spatial axes, a kernel is summed over."""

# Series
#
# A polynomial is exact to the last place, which XLA's functions on a CPU are not. But
# the lower the bound of the arguments is, the more terms it has.

LOWEST_ARGUMENT = -0.25
"""Below this argument a polynomial costs more than the library's function."""

# What is computed after the loop, see `nengo_dl_core.program.stages`
#
# The integrator of 4,096 neurons and 128 dimensions:
#
#     steps at once      none  4     8     16    32    64
#     a step             153   137   123   110   109   113
#     a run of one step  955   1118  1072  1219  1402  1549

STEPS_AT_ONCE = 16
"""For how many steps there is one product."""

# A matrix of fewer elements stays in the processor's caches (with 2**17 nothing is
# gained), and one of fewer rows for each item of a minibatch is read no more often than
# what it multiplies is written and read (with 8 a step gets slower).

MIN_DEFERRED_SIZE = 2**18
"""From so many elements of a matrix on its product is computed after the loop."""

MIN_DEFERRED_ROWS = 32
"""From so many rows, for each item of a minibatch, on."""

# A prediction of one layer of n spiking neurons with as many inputs, 16 items, in
# milliseconds:
#
#     steps at once     16   32   64   128
#     n=256, 500 steps  12.7 12.0 11.2 12.6
#     n=1024, 500       114  112  108  116
#     n=1024, 100       24.8 27.0 25.8
#     n=4096, 200       652  680

PREDICTED_AT_ONCE = 64
"""For how many steps of a prediction something is computed at once.

If buffers do not hold so many, it is `STEPS_AT_ONCE`.
"""

MIN_PREDICTED_WEIGHTS = 2**14
"""Products with so many weights are worth to leave its loop for."""

MAX_PREDICTED_BYTES = 2**25
"""Buffers of inputs and outputs of a prediction are not larger than that."""

MIN_PREDICTED_STEPS = 64
"""A prediction of fewer steps goes step by step."""

# What is computed for all steps at once, see `nengo_dl_core.program.time_axis`

MIN_WEIGHTS_AT_ONCE = 256
"""Products with so many weights are worth to leave a loop for."""

MAX_SEQUENCE_BYTES = 2**30
"""Values of all steps may take so many bytes between stages."""

# Filters among them, see `nengo_dl_core.builders.linear_system`
#
# A filter of 784 steps between weights, and its gradient, in milliseconds. Elements are
# those of all items; three layers are rate neurons with filters between.
#
#     order         elements  step by step  blocks, compiled  blocks
#     1             64        0.35          0.57              1.2
#     1             256       1.2           1.2               3.0
#     1             1024      3.0           4.3               6.9
#     2             64        1.6           0.64              1.2
#     2             1024      23            6.1               7.9
#     4             64        2.8           0.61              1.2
#     4             1024      53            6.6               8.1
#     4             4096      173           28                32
#     three layers  64        1.06          1.00              2.08

STEPS_IN_BLOCK = 32
"""Filters are computed for at most so many steps by one product."""

MIN_ORDER_IN_BLOCKS = 2
"""Filters of lower order, with many elements, go step by step."""

MAX_FILTERED_SIZE = 64
"""So many elements of a filter, for all items, are few."""

MAX_COMPILED_SIZE = 2048
"""With more elements than that between stages, what is at once is not compiled."""

# Rates at once, and their gradient, in milliseconds.
#
#     neurons, steps, items   compiled on their own  operation by operation
#     LIFRate    0.8 million  18                     19
#                3.3          51                     51
#                13           181                    243
#     Rectified  0.8          15                     14
#                13           154                    139

MIN_NEURONS_COMPILED = 2**22
"""So many neurons of many operations, for all steps and items, are compiled."""

# Circles of linear operators, see `nengo_dl_core.builders.recurrence`

#
# A `fit` of one minibatch of 784 steps, with the memory and ten outputs alone, in
# milliseconds of processor time (two cores that had other work, too):
#
#     elements     8   64   256  256
#     items        32  8    1    32
#     step by step 34  36   32   175
#     powers       26  38   66   164

LOOP_FACTOR = 1.5
"""A multiplication in a loop takes as long as so many of large matrices."""

MULTIPLICATIONS_OF_A_STEP = 2**17
"""So many are worth the rest of a step."""

SHORT_SUM = 64
"""Large products with sums of so many terms wait for memory."""

# Products in bfloat16, see `nengo_dl_core.builders.bfloat16`

MIN_BFLOAT16_WEIGHTS = 4096
"""Matrices with so many weights are multiplied in bfloat16, where that is asked for."""

# Whether to compile, see `nengo_dl_core.engine.choice`
#
# A run of a new simulator, in seconds: by the rule, in NumPy, and compiled at once.
# Each plan has eight groups.
#
#     ensembles of       steps     by the rule  NumPy   compiled
#     1 size             100       0.005        0.003   0.34
#                        1,000     0.019        0.019   0.31
#                        10,000    0.17         0.17    0.33
#                        100,000   0.44         1.70    0.41
#     10 sizes           1,000     0.040        0.039   0.56
#                        10,000    0.56         0.37    0.70
#                        100,000   1.0          3.7     1.2
#     60 sizes           1,000     0.16         0.16    1.5
#                        10,000    1.6          1.5     1.6
#                        100,000   3.5          14.0    3.5
#
# A step in NumPy, by its estimate from the figures below and as it was measured, in
# microseconds; and how many times as long as the better choice a run takes, at worst,
# whose length is known (packages/nengo-dl-core/benchmarks/estimates.py):
#
#                        1 item                       16 items
#                        estimated  measured  long    estimated  measured  long
#     one ensemble              28        30   1.1          125        61   1.9
#     8 sizes                   51        37   1.3          495       434   1.3
#     30 equal                  32        36   1.0          267       549   1.9
#     layers                    39        28   1.9          353       333   1.7
#     neuron types              85        90   1.3          307       288   1.5
#     product                   35        38   1.6          249       293   1.4
#     learning                  39        69   1.5          495       589   1.0
#     feedback                  29        19   1.0          151        72   1.7
#     ring                      32        25   1.1          209       237   1.2
#     integrator               122       104   1.9        2,153     2,025   1.0
#     pes                       77        86   1.1        2,368     1,867   1.2
#     basal ganglia            112       120   1.2        3,635     4,960   1.0
#     mixed sizes              652       504   1.6       11,787    18,322   1.4
#     convolution              115       140   1.4        3,577     5,089   1.1
#     spiking convolution      135       133   1.6        3,896     4,319   1.2
#     cconv                    666       409   1.4       12,500    16,820   1.3
#     random network           521       940   1.1       10,180    13,166   1.4
#
# One in pieces, which ends as soon as it was compiled, takes at most 2.9 times as long.

LOOP_SECONDS = 0.11
"""How long it takes to trace and to compile a loop, but for its groups."""

GROUP_SECONDS = 0.05
"""How long it takes for each group of the plan."""

NUMPY_STEP_SECONDS = 14e-6
"""How long a step takes in NumPy, but for what follows."""

NUMPY_NEURONS_SECONDS = 7e-6
"""How long it takes for each group of neurons."""

NUMPY_GROUP_SECONDS = 0.8e-6
"""How long it takes for each group and each item of a minibatch."""

NUMPY_PRODUCT_SECONDS = 0.7e-6
"""How long it takes for each product in a group of several shapes, and each item."""

NUMPY_WEIGHT_SECONDS = 0.05e-9
"""How long it takes for each element of a matrix that is read, and each item."""

NUMPY_ELEMENT_SECONDS = 0.3e-9
"""How long it takes for each element of all else that operators read or write, and each
item."""

CACHED_ELEMENTS = 2**17
"""So many of these stay in the processor's caches."""

NUMPY_UNCACHED_SECONDS = 1.1e-9
"""How much longer each element beyond them takes."""

# Reads and writes of signals

MAX_PIECES = 16
"""A view of more pieces, as one with a stride, is read with one ``tf.gather``."""

# Buffers of a run, on any device

MAX_BUFFER_LENGTH = 1024
"""Number of steps that inputs and outputs are kept for."""

MAX_BUFFER_BYTES = 4 * 2**20
"""Fewer, if these took more bytes."""

SMALL_BUFFER_BYTES = 2**16
"""A larger buffer of inputs has a place of its own for a single step: to fill a buffer
of 2 MiB takes 300 µs, as long as a call of a small network."""
