#!/bin/sh
# Compare NengoDL with Nengo's own simulator, and with an earlier release where the
# interpreter of an environment that has it is given. Takes about 20 minutes on two
# cores, which should have nothing else to do.
#
#     sh docs/benchmarks/compare.sh [/path/to/bin/python]
#
# What comparison.json has already is not measured again: delete it to start afresh.
set -e
release=${1:+"--backend release=dl@$1"}
cd "$(dirname "$0")"

network() {  # name and size, -- , options of compare
    build="--benchmark $1"
    shift
    while [ "$1" != -- ]; do
        build="$build $1"
        shift
    done
    shift
    nengo-dl-benchmarks build $build compare "$@" --output comparison.json \
        --reps 7 --backend ours=dl --backend nengo=reference $release
}

network feedback --
network chain --
network integrator --
network cconv --
network basal_ganglia --
network pes --
network random_network -- --n_steps 300
network python_node --
network cconv -- --batch_size 16
network integrator -- --mode predict --batch_size 16
network convolution -- --batch_size 16 --n_steps 200
network integrator --dimensions 64 --neurons_per_d 32 -- \
    --mode fit --batch_size 8 --n_steps 100
network convolution -- --mode fit --batch_size 8 --n_steps 100
network feedback -- --mode step

nengo-dl-benchmarks report --results comparison.json --markdown comparison.md
