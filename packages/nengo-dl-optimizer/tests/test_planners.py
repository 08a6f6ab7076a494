"""Which operators planners put into one group, and in which order."""

import random

import nengo
import numpy as np
import pytest
from nengo.builder.learning_rules import SimBCM, SimOja, SimPES, SimRLS, SimVoja
from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import (
    BsrDotInc,
    Copy,
    DotInc,
    ElementwiseInc,
    Reset,
    SimPyFunc,
    SparseDotInc,
)
from nengo.builder.processes import SimProcess
from nengo.builder.signal import Signal
from nengo.builder.transforms import ConvInc, ConvTransposeInc
from nengo.exceptions import BuildError
from nengo.transforms import SparseMatrix

from nengo_dl_optimizer import (
    OperatorGraph,
    SignalFacts,
    greedy_planner,
    layered_planner,
    mergeable,
    noop_planner,
    optimize,
    transitive_closure_recurse,
    transitive_planner,
    tree_planner,
)
from nengo_dl_optimizer.grouping import Candidates
from nengo_dl_optimizer.planners.selection import Execution
from random_graphs import Accumulate, random_graph

PLANNERS = [greedy_planner, layered_planner, transitive_planner, tree_planner]
each_planner = pytest.mark.parametrize("planner", PLANNERS)
every_planner = pytest.mark.parametrize("planner", [*PLANNERS, noop_planner])

CONV = nengo.Convolution(2, (4, 1), kernel_size=(2,), strides=(1,))
CONV_TRANSPOSE = nengo.ConvolutionTranspose(1, (2, 2), kernel_size=(2,), strides=(1,))
TIME = Signal(np.array(0.0), name="time")


def signal(*shape):
    return Signal(np.ones(shape), name="signal")


def sparse():
    return Signal(SparseMatrix([(0, 1), (2, 0)], [0.5, 1.5], (3, 2)))


# One operator of each type, with signals of its own.
TYPES = {
    "Accumulate, a user's": lambda: Accumulate(signal(3), signal(), signal()),
    "BCM": lambda: SimBCM(signal(3), signal(2), signal(2), signal(2, 3), 0.1),
    "ConvInc": lambda: ConvInc(signal(2, 1, 2), signal(4), signal(6), CONV),
    "ConvTransposeInc": lambda: ConvTransposeInc(
        signal(2, 2, 1),
        signal(4),
        signal(CONV_TRANSPOSE.output_shape.size),
        CONV_TRANSPOSE,
    ),
    "Copy": lambda: Copy(signal(3), signal(3)),
    "DotInc": lambda: DotInc(signal(3, 2), signal(2), signal(3)),
    "ElementwiseInc": lambda: ElementwiseInc(signal(), signal(3), signal(3)),
    "Oja": lambda: SimOja(signal(3), signal(2), signal(2, 3), signal(2, 3), 0.1, 1),
    "PES": lambda: SimPES(signal(3), signal(2), signal(2, 3), 0.1),
    "RLS": lambda: SimRLS(signal(3), signal(2), signal(2, 3), signal(3, 3)),
    "Reset": lambda: Reset(signal(3)),
    "SimNeurons": lambda: SimNeurons(nengo.RectifiedLinear(), signal(3), signal(3)),
    "SimProcess": lambda: SimProcess(
        nengo.Lowpass(0.1), signal(3), signal(3), TIME, mode="update"
    ),
    "SimPyFunc": lambda: SimPyFunc(signal(3), np.cos, None, signal(3)),
    "SparseDotInc": lambda: SparseDotInc(sparse(), signal(2), signal(3)),
    "Voja": lambda: SimVoja(
        signal(3), signal(2), signal(2, 3), signal(2, 3), np.ones(2), signal(1), 0.1
    ),
}


def block_sparse():
    indices, indptr = np.array([0]), np.array([0, 1])
    return BsrDotInc(
        signal(1, 3, 2), signal(2), signal(3), indices, indptr, reshape=False
    )


@each_planner
@pytest.mark.parametrize("make", TYPES.values(), ids=TYPES.keys())
def test_like_operators_of_each_type_make_a_group(planner, make):
    operators = [make() for _ in range(3)]
    assert planner(operators) == [tuple(operators)]


@each_planner
def test_block_sparse_products_stay_apart(planner):
    assert len(planner([block_sparse(), block_sparse()])) == 2


@every_planner
def test_operators_of_all_types_are_planned_together(planner):
    operators = [make() for _ in range(2) for make in [*TYPES.values(), block_sparse]]
    plan = optimize(OperatorGraph(operators), planner=planner, simplifications=[]).plan
    grouped = len(TYPES) + 2
    assert len(plan) == (len(operators) if planner is noop_planner else grouped)


class TestChoice:
    """Planners differ in how far they look ahead."""

    def operators(self):
        late = signal(3)
        ready = [ElementwiseInc(signal(), signal(3), signal(3)) for _ in range(2)]
        copy = Copy(signal(3), late)
        return [*ready, copy, ElementwiseInc(signal(), late, signal(3))]

    def test_greedy_takes_the_most_it_can(self):
        one, two, copy, late = self.operators()
        plan = greedy_planner([one, two, copy, late])
        assert plan == [(one, two), (copy,), (late,)]

    @pytest.mark.parametrize(
        "planner", [layered_planner, transitive_planner, tree_planner]
    )
    def test_the_others_wait_for_more(self, planner):
        one, two, copy, late = self.operators()
        assert planner([one, two, copy, late]) == [(copy,), (one, two, late)]

    def test_a_tree_of_depth_one_is_greedy(self):
        operators = self.operators()
        assert tree_planner(operators, max_depth=1) == greedy_planner(operators)

    @pytest.mark.parametrize("depth", [0, -1])
    def test_a_tree_has_a_depth(self, depth):
        with pytest.raises(ValueError, match=f"at least 1, not {depth}"):
            tree_planner(self.operators(), max_depth=depth)

    def test_noop_groups_nothing_and_keeps_the_order_where_it_can(self):
        one, two, copy, late = self.operators()
        plan = noop_planner([late, two, one, copy])
        assert plan == [(two,), (one,), (copy,), (late,)]


class TestMemory:
    """The operators of a group write different memory."""

    @each_planner
    def test_increments_of_one_signal_take_turns(self, planner):
        y = signal(3)
        operators = [Copy(signal(3), y, inc=True) for _ in range(3)]
        assert len(planner(operators)) == 3

    @each_planner
    def test_parts_of_one_signal_can_be_written_together(self, planner):
        y = signal(4)
        operators = [Copy(signal(2), y[i : i + 2], inc=True) for i in (0, 2)]
        assert planner(operators) == [tuple(operators)]
        overlapping = [*operators, Copy(signal(2), y[1:3], inc=True)]
        assert len(planner(overlapping)) == 2


class TestBackendsRule:
    """A backend has a say in which operators share a group."""

    @each_planner
    def test_it_can_keep_operators_apart(self, planner):
        operators = [Reset(signal(3)) for _ in range(4)]
        graph = OperatorGraph(operators, mergeable=lambda op, group: False)
        assert len(planner(graph)) == 4

    @each_planner
    def test_it_can_compare_operators(self, planner):
        operators = [Reset(signal(3), value=value) for value in (0, 1, 0, 1)]
        graph = OperatorGraph(
            operators, mergeable=lambda op, group: op.value == group[0].value
        )
        assert sorted(map(len, planner(graph))) == [2, 2]

    @each_planner
    def test_it_can_limit_the_size_of_groups(self, planner):
        operators = [Reset(signal(3)) for _ in range(5)]
        graph = OperatorGraph(operators, mergeable=lambda op, group: len(group) < 2)
        assert sorted(map(len, planner(graph))) == [1, 2, 2]


class TestPadding:
    """A backend may compute operators together whose shapes differ."""

    @staticmethod
    def products():
        shapes = [(2, 3), (3, 5), (1, 4), (2, 3)]
        return [DotInc(signal(m, n), signal(n), signal(m)) for m, n in shapes]

    @each_planner
    def test_shapes_may_differ_where_padded(self, planner):
        ops = self.products()
        assert sorted(map(len, planner(OperatorGraph(ops)))) == [1, 1, 2]
        graph = OperatorGraph(ops, padded=dict.fromkeys(ops[:3], "one"))
        plan = planner(graph)
        assert sorted(map(len, plan)) == [1, 3]
        assert set(max(plan, key=len)) == set(ops[:3])

    @each_planner
    def test_those_of_different_values_stay_apart(self, planner):
        ops = self.products()
        graph = OperatorGraph(ops, padded={op: i for i, op in enumerate(ops)})
        assert len(planner(graph)) == 4

    @each_planner
    def test_the_rest_must_be_alike(self, planner):
        ops = self.products()
        facts = {ops[0].A: SignalFacts(trainable=True)}
        graph = OperatorGraph(ops, facts, padded=dict.fromkeys(ops, "one"))
        assert sorted(map(len, planner(graph))) == [1, 3]

    def test_a_plan_with_padding_is_laid_out(self):
        ops = self.products()
        graph = OperatorGraph(ops, padded=dict.fromkeys(ops, "one"))
        optimized = optimize(graph, simplifications=[])
        assert len(optimized.plan) == 1
        for op in ops:
            view = optimized.layout.view(op.A)
            assert optimized.layout.blocks[view.block].shape[1:] == op.A.shape[1:]


@every_planner
def test_cycles_are_reported(planner):
    a, b = signal(3), signal(3)
    operators = [Copy(a, b), Copy(b, a), Reset(signal(2))]
    with pytest.raises(BuildError, match="2 of 3 operators wait for each other"):
        planner(operators)


@every_planner
def test_a_model_may_be_empty(planner):
    assert planner([]) == []


class TestMergeable:
    """One operator may join others if they can run as one."""

    def test_anything_joins_nothing(self):
        assert mergeable(Reset(signal(3)), [])

    @pytest.mark.parametrize("make", TYPES.values(), ids=TYPES.keys())
    def test_like_operators(self, make):
        assert mergeable(make(), [make(), make()])

    def test_rows_may_differ_in_number(self):
        assert mergeable(Copy(signal(3), signal(3)), [Copy(signal(5), signal(5))])
        assert mergeable(
            Copy(signal(3, 2), signal(3, 2)), [Copy(signal(5, 2), signal(5, 2))]
        )

    @pytest.mark.parametrize(
        ("op", "other"),
        [
            (Reset(signal(3)), Copy(signal(3), signal(3))),
            (Reset(signal(3)), type("Own", (Reset,), {})(signal(3))),
            (Reset(signal(3, 2)), Reset(signal(3, 4))),
            (Reset(signal(3)), Reset(Signal(np.ones(3, dtype=np.int64)))),
            (Copy(signal(3), signal(3)), Copy(signal(3), signal(3), inc=True)),
            (
                SimNeurons(nengo.LIFRate(), signal(3), signal(3)),
                TYPES["SimNeurons"](),
            ),
            (
                SimPyFunc(signal(3), np.cos, TIME, None),
                TYPES["SimPyFunc"](),
            ),
            (
                SimProcess(nengo.Lowpass(0.1), signal(3), signal(3), TIME, mode="set"),
                TYPES["SimProcess"](),
            ),
        ],
        ids=[
            "type",
            "subtype",
            "columns",
            "dtype",
            "inc",
            "neuron type",
            "arguments",
            "mode",
        ],
    )
    def test_unlike_operators(self, op, other):
        assert not mergeable(op, [other])

    def test_matrices_of_other_shapes_do_not_merge(self):
        op = DotInc(signal(2, 2), signal(2), signal(2))
        assert not mergeable(op, [TYPES["DotInc"]()])

    def test_convolutions_of_other_strides_do_not_merge(self):
        other = nengo.Convolution(2, (4, 1), kernel_size=(2,), strides=(2,))
        op = ConvInc(signal(2, 1, 2), signal(4), signal(4), other)
        assert not mergeable(op, [TYPES["ConvInc"]()])

    def test_what_depends_on_the_group_stays_out(self):
        a, b, c = signal(3), signal(3), signal(3)
        assert not mergeable(Copy(a, b), [Copy(b, c)])
        assert not mergeable(Copy(b, c), [Copy(a, b)])

    def test_what_writes_the_same_stays_out(self):
        y = signal(3)
        assert not mergeable(Reset(y), [Reset(y)])
        assert not mergeable(Reset(y[:2]), [Reset(y[1:])])
        assert mergeable(Reset(y[:2]), [Reset(y[2:])])

    @pytest.mark.parametrize(
        "fact", [SignalFacts(trainable=True), SignalFacts(minibatched=True)]
    )
    def test_facts_count(self, fact):
        ops = [Copy(signal(3), signal(3)) for _ in range(2)]
        graph = OperatorGraph([ops[0]], {ops[0].src: fact})
        assert not mergeable(ops[1], graph)
        both = OperatorGraph([ops[0]], {op.src: fact for op in ops})
        assert mergeable(ops[1], both)

    def test_the_backend_is_asked(self):
        graph = OperatorGraph([Reset(signal(3))], mergeable=lambda op, group: False)
        assert not mergeable(Reset(signal(3)), graph)


class TestTransitiveClosure:
    """What depends on an operator, by way of whatever, among those of a kind."""

    def test_it_is_restricted_to_a_kind(self):
        graph = {0: {1, 2}, 1: {3}, 2: {3}, 3: {4}, 4: set()}
        kinds = ["a", "b", "a", "a", "b"]
        closure: dict[int, set[int]] = {}
        transitive_closure_recurse(graph, [0, 1], closure, "a", kinds, {})
        assert closure == {0: {2, 3}, 1: {3}, 2: {3}, 3: set(), 4: set()}

    def test_equal_sets_are_kept_once(self):
        graph = {0: {2}, 1: {2}, 2: set()}
        closure: dict[int, set[int]] = {}
        transitive_closure_recurse(graph, [0, 1], closure, "a", "aaa", {})
        assert closure[0] == {2}
        assert closure[0] is closure[1]

    def test_chains_may_be_long(self):
        n = 5000
        graph = {i: {i + 1} for i in range(n)} | {n: set()}
        kinds = ["other"] * n + ["a"]
        closure: dict[int, set[int]] = {}
        transitive_closure_recurse(graph, [0], closure, "a", kinds, {})
        assert closure[0] == {n}


class TestUsersPlanner:
    """A user's planner knows nothing but a sequence of operators."""

    def operators(self):
        a, b = signal(3), signal(3)
        return [Reset(a), Copy(a, b), Reset(signal(2))]

    def run(self, plan):
        return optimize(
            OperatorGraph(self.ops), planner=lambda operators: plan, simplifications=[]
        )

    @pytest.fixture(autouse=True)
    def _operators(self):
        self.ops = self.operators()

    def test_it_may_return_lists(self):
        one, copy, two = self.ops
        assert self.run([[one, two], [copy]]).plan == ((one, two), (copy,))

    @pytest.mark.parametrize(
        ("indices", "message"),
        [
            ([[0], [1]], "1 are missing"),
            ([[0], [1], [2], [0]], "1 are too many"),
            ([[0], [1], [2], []], "none may be empty"),
            ([[1], [0], [2]], "plans .* for group 0, before"),
            ([[0, 1], [2]], "in one group with them"),
        ],
    )
    def test_plans_that_cannot_be_executed_are_refused(self, indices, message):
        plan = [tuple(self.ops[i] for i in group) for group in indices]
        with pytest.raises(BuildError, match=message):
            self.run(plan)


def fewest_groups(graph):
    """Search all orders in which whatever is ready of a kind could be executed."""
    execution = Execution(Candidates(graph), graph.frontier())
    states, n_groups = {frozenset(): execution}, 0
    while not any(len(done) == len(graph) for done in states):
        following = {}
        for done, state in states.items():
            for kind in state.ready_kinds():
                branch = state.copy()
                group, _ = branch.advance(kind)
                following.setdefault(done.union(group), branch)
        states, n_groups = following, n_groups + 1
    return n_groups


def test_layers_are_almost_the_fewest_groups():
    graphs = [random_graph(random.Random(i), 4).operators for i in range(100)]
    fewest, layered, greedy = (
        sum(count(OperatorGraph(operators)) for operators in graphs)
        for count in (
            fewest_groups,
            lambda graph: len(layered_planner(graph)),
            lambda graph: len(greedy_planner(graph)),
        )
    )
    assert layered <= 1.01 * fewest
    assert greedy > 1.15 * fewest
