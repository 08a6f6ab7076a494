#!/bin/sh
# Measure what a simulation costs against its size, and plot it. Takes about 10 minutes
# on two cores, which should have nothing else to do.
#
#     sh docs/benchmarks/scale.sh
#
# What the JSON files have already is not measured again: delete them to start afresh.
# Nengo's own simulator takes part up to the sizes at which it would take minutes.
set -e
cd "$(dirname "$0")"

scale() {  # name of the files, network, argument, sizes for both, larger sizes
    name=$1 build=$2 over=$3 small= large=
    for value in $4; do small="$small --value $value"; done
    for value in $5; do large="$large --value $value"; done
    set -- build --benchmark ring $build scale --over $over --reps 3 --output $name.json
    nengo-dl-benchmarks "$@" $small --backend ours=dl --backend nengo=reference
    nengo-dl-benchmarks "$@" $small $large --backend ours=dl --plot $name.svg
}

scale neurons "" n_neurons "100 1000 10000 30000 100000" "300000 1000000"
scale ensembles "--kwarg n_neurons=100" n_ensembles "1 4 16 64 256" "1024 4096"
scale minibatch "--kwarg n_neurons=1000" batch_size "1 4 16" "64 128 256"
scale steps "--kwarg n_neurons=100" n_steps "100 1000 10000 100000" "1000000"
