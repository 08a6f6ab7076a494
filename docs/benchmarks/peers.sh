#!/bin/sh
# Compare NengoDL with other frameworks, each in an environment of its own, FOLDER/NAME;
# `nox -s peers` makes them and runs this. Takes about 12 minutes on two cores, which
# should have nothing else to do.
#
#     sh docs/benchmarks/peers.sh FOLDER
#
# What peers.json has already is not measured again: delete it to start afresh.
set -e
environments=$(cd "$1" && pwd)
cd "$(dirname "$0")"

peer() {  # label, name of the backend, name of the environment
    printf '%s ' --backend "$1=$2@$environments/$3/bin/python"
}

compare() {  # number of runs, size of the minibatch, steps, networks to be built
    reps=$1 batch_size=$2 n_steps=$3
    shift 3
    nengo-dl-benchmarks "$@" compare --output peers.json --reps "$reps" \
        --batch_size "$batch_size" --n_steps "$n_steps" \
        --mode predict --mode train --backend NengoDL=dl $(
            peer Spyx spyx spyx
            peer SpikingJelly spikingjelly spikingjelly
            peer snnTorch snntorch snntorch
            peer Norse norse norse
            peer Keras-LMU-fft keras_lmu_fft keras-lmu
            peer Keras-LMU-cell keras_lmu_cell keras-lmu
        )
}

layer="build --benchmark spiking_layer --kwarg"
recurrent="build --benchmark spiking_layer --kwarg recurrent=True --kwarg"
memory="build --benchmark legendre_memory --kwarg"

compare 5 16 500 $layer n_neurons=256 $layer n_neurons=1024 $recurrent n_neurons=256
compare 5 16 1000 $layer n_neurons=256
compare 5 16 2000 $layer n_neurons=256 $recurrent n_neurons=256
compare 3 16 200 $layer n_neurons=4096
compare 5 16 50 build --benchmark spiking_convolution
compare 5 32 784 $memory recurrent=False $memory recurrent=True

nengo-dl-benchmarks report --results peers.json --peers peers.md
