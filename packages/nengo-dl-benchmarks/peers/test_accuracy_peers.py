"""Networks are as accurate as the same layers in snnTorch, and sooner.

Few bits and delays do not make them worse.

``nox -s accuracy_peers`` makes an environment with snnTorch; the environment variable
``NENGO_DL_SNNTORCH`` names its Python. Both train in turn, for each seed.
"""

import os
from dataclasses import replace
from statistics import mean

import pytest

from nengo_dl_benchmarks.accuracy.tasks import TASKS, score_of_peer

SEEDS = range(3)


@pytest.mark.parametrize("name", ["JapaneseVowels", "MNIST, permuted"])
def test_it_is_as_accurate_and_faster(name):
    samples = TASKS[name].load(None)
    network = TASKS[name].networks[0]
    ours, theirs = [], []
    for seed in SEEDS:
        ours.append(network.score(name, samples, seed))
        python = os.environ["NENGO_DL_SNNTORCH"]
        theirs.append(score_of_peer(python, name, network, samples, seed))
    for scores in (ours, theirs):
        print(name, scores[0].framework, [(x.value, x.seconds) for x in scores])
    assert mean(x.value for x in ours) >= mean(x.value for x in theirs)
    assert mean(x.seconds for x in ours) < mean(x.seconds for x in theirs)


def test_learned_delays_are_not_worse():
    name = "JapaneseVowels"
    samples = TASKS[name].load(None)
    without, delayed = (
        mean(network.score(name, samples, seed).value for seed in range(10))
        for network in TASKS[name].networks
    )
    print(name, without, delayed)
    assert delayed >= without


@pytest.mark.parametrize("name", ["MNIST", "JapaneseVowels", "GunPoint"])
def test_few_bits_lose_little(name):
    samples = TASKS[name].load(None)
    network = TASKS[name].networks[0]
    all_bits, eight, four = (
        mean(replace(network, bits=n).score(name, samples, x).value for x in SEEDS)
        for n in (0, 8, 4)
    )
    print(name, all_bits, eight, four)
    assert eight >= all_bits - 0.005
    assert four >= all_bits - 0.02
