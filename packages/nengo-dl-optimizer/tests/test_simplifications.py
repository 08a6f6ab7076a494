"""What each simplification makes of a few operators, and which it leaves alone."""

import nengo
import numpy as np
import pytest
from nengo.builder.learning_rules import SimPES
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
from nengo.builder.probe import SimProbe
from nengo.builder.processes import SimProcess
from nengo.builder.signal import Signal
from nengo.builder.transforms import ConvInc, ConvTransposeInc
from nengo.exceptions import BuildError
from nengo.transforms import SparseMatrix

from nengo_dl_optimizer import (
    ConvSet,
    ConvTransposeSet,
    DotSet,
    ElementwiseSet,
    OperatorGraph,
    ResetInc,
    SignalFacts,
    SparseDotSet,
    default_simplifications,
    remove_constant_copies,
    remove_copy_chains,
    remove_dead_operators,
    remove_identity_muls,
    remove_reset_incs,
    remove_unmodified_resets,
    remove_zero_incs,
    simplify,
)
from plain_execution import run_plainly
from random_graphs import Accumulate

# Whatever is known of such signals, their value is not.
NOT_CONSTANT = {
    "trained": SignalFacts(trainable=True),
    "could be trained": SignalFacts(trainable=False),
    "from outside": SignalFacts(external=True),
}
not_constant = pytest.mark.parametrize(
    "fact", NOT_CONSTANT.values(), ids=NOT_CONSTANT.keys()
)
keeps_a_place = pytest.mark.parametrize(
    "fact",
    [*NOT_CONSTANT.values(), SignalFacts(kept=True)],
    ids=[*NOT_CONSTANT.keys(), "kept"],
)
CONV = nengo.Convolution(2, (4, 1), kernel_size=(2,), strides=(1,))
CONV_TRANSPOSE = nengo.ConvolutionTranspose(1, (2, 2), kernel_size=(2,), strides=(1,))


def vector(name, *values):
    return Signal(np.array(values or (1.0, 2.0, 3.0)), name=name)


def scalar(value):
    return Signal(np.array(float(value)), name="scalar")


def zeros(*shape):
    return Signal(np.zeros(shape), name="zeros")


def filled(*shape):
    return Signal(np.arange(1.0, 1 + np.prod(shape)).reshape(shape), name="filled")


def written(signal):
    """Return an operator that writes a signal in each step."""
    return SimPyFunc(signal, lambda t: t * np.ones(signal.shape), scalar(0), None)


def increments():
    """Return one of each operator that increments by a product of what it reads."""
    sparse = SparseMatrix([(0, 1), (2, 0)], [0.5, 1.5], (3, 2))
    y = CONV_TRANSPOSE.output_shape.size
    return [
        Copy(filled(3), filled(3), inc=True),
        ElementwiseInc(filled(), filled(3), filled(3)),
        DotInc(filled(3, 2), filled(2), filled(3)),
        SparseDotInc(Signal(sparse), filled(2), filled(3)),
        _block_sparse(filled(1, 3, 2), filled(2), filled(3)),
        ConvInc(filled(2, 1, 2), filled(4), filled(6), CONV),
        ConvTransposeInc(filled(2, 2, 1), filled(4), filled(y), CONV_TRANSPOSE),
    ]


def _block_sparse(a, x, y):
    return BsrDotInc(a, x, y, np.array([0]), np.array([0, 1]), reshape=False)


def type_of(op):
    return type(op).__name__


class TestUnmodifiedResets:
    """A signal that is only reset becomes a constant."""

    def test_the_value_becomes_the_initial_value(self):
        a, b = vector("a"), vector("b")
        reset, copy = Reset(a, value=2), Copy(a[1:], b[1:])
        graph = remove_unmodified_resets([reset, copy])
        (new,) = graph
        assert type(new) is Copy
        assert new.src.initial_value.tolist() == [2, 2]
        assert new.src.base is graph.replaced[a]
        assert graph.replaced[a].initial_value.tolist() == [2, 2, 2]
        assert new.dst.base is b
        assert (copy.src.base, a.initial_value.tolist()) == (a, [1, 2, 3])

    @pytest.mark.parametrize(
        "others",
        [
            lambda a: [Copy(vector("b"), a, inc=True)],
            lambda a: [Copy(vector("b", 1.0), a[:1], inc=True)],
            lambda a: [SimPES(vector("x"), vector("e", 1.0), a.reshape((1, 3)), 0.1)],
        ],
        ids=["incremented", "incremented in part", "updated"],
    )
    def test_other_writers_keep_it(self, others):
        a = vector("a")
        operators = [Reset(a), *others(a)]
        assert list(remove_unmodified_resets(operators)) == operators

    def test_a_part_that_is_reset_stays(self):
        operators = [Reset(vector("a")[:2])]
        assert list(remove_unmodified_resets(operators)) == operators

    @not_constant
    def test_what_is_written_from_elsewhere_stays(self, fact):
        a = vector("a")
        graph = OperatorGraph([Reset(a)], {a: fact})
        assert remove_unmodified_resets(graph) is graph


class TestZeroIncs:
    """An increment by nothing is no increment."""

    @pytest.mark.parametrize("op", increments(), ids=type_of)
    def test_a_constant_factor_of_zero_removes_it(self, op):
        other = Copy(vector("a"), vector("b"), inc=True)
        for place in range(len(op.reads)):
            zero = zeros(*op.reads[place].shape)
            if op.reads[place].sparse:
                zero = Signal(SparseMatrix([(0, 1)], [0.0], (3, 2)))
            reads = [*op.reads]
            reads[place] = zero
            op_with_zero = _with_reads(op, reads)
            assert list(remove_zero_incs([op_with_zero, other])) == [other]

    @pytest.mark.parametrize("op", increments(), ids=type_of)
    def test_other_factors_keep_it(self, op):
        assert list(remove_zero_incs([op])) == [op]

    def test_a_signal_that_is_only_reset_to_zero_is_zero(self):
        a, b = vector("a"), vector("b")
        reset, increment = Reset(a), Copy(a, b, inc=True)
        assert list(remove_zero_incs([reset, increment])) == [reset]

    @not_constant
    def test_a_zero_that_may_change_stays(self, fact):
        weights, x, y = zeros(3, 2), filled(2), filled(3)
        graph = OperatorGraph([DotInc(weights, x, y)], {weights: fact})
        assert remove_zero_incs(graph) is graph

    @keeps_a_place
    def test_other_factors_keep_their_place(self, fact):
        weights, z = filled(3, 2), vector("z")
        operators = [DotInc(weights, zeros(2), vector("y")), SimProbe(z)]
        kept = remove_zero_incs(OperatorGraph(operators, {weights: fact}))
        assert [type(op) for op in kept] == [SimProbe, SimProbe]
        assert [op.signal for op in kept] == [z, weights]
        unprobed = OperatorGraph(operators[:1], {weights: fact})
        assert list(remove_zero_incs(unprobed)) == []

    def test_zero_weights_that_a_learning_rule_updates_stay(self):
        weights, x, y = zeros(1, 3), vector("x"), vector("y", 0.0)
        operators = [DotInc(weights, x, y), SimPES(x, y, weights, 0.1)]
        assert list(remove_zero_incs(operators)) == operators

    def test_what_sets_stays_as_zero_is_what_it_sets(self):
        operators = [
            Copy(zeros(3), vector("y")),
            DotSet(zeros(3, 2), filled(2), vector("y")),
        ]
        assert list(remove_zero_incs(operators)) == operators

    def test_unknown_operators_stay(self):
        operators = [Accumulate(zeros(3), scalar(0), scalar(0))]
        assert list(remove_zero_incs(operators)) == operators


def _with_reads(op, reads):
    if isinstance(op, Copy):
        return Copy(*reads, op.dst, inc=True)
    if isinstance(op, BsrDotInc):
        return _block_sparse(*reads, op.Y)
    if isinstance(op, (ConvInc, ConvTransposeInc)):
        return type(op)(*reads, op.Y, op.conv)
    return type(op)(*reads, op.Y)


class TestResetIncs:
    """Reset and increment become a set."""

    @pytest.mark.parametrize("op", increments(), ids=type_of)
    def test_each_increment_has_its_set(self, op):
        expected = {
            Copy: Copy,
            ElementwiseInc: ElementwiseSet,
            DotInc: DotSet,
            SparseDotInc: SparseDotSet,
            ConvInc: ConvSet,
            ConvTransposeInc: ConvTransposeSet,
        }
        reset = Reset(op.incs[0])
        result = list(remove_reset_incs([reset, op]))
        if type(op) not in expected:
            assert result == [reset, op]
            return
        (new,) = result
        assert type(new) is expected[type(op)]
        assert (new.sets, new.incs, new.reads) == (op.incs, [], op.reads)

    def test_a_reset_inc_becomes_a_reset(self):
        y = vector("y")
        (new,) = remove_reset_incs([Reset(y), ResetInc(y, value=3)])
        assert (type(new), new.value, new.dst) == (Reset, 3, y)

    def test_further_increments_stay(self):
        y = vector("y")
        first, second = (Copy(vector(n), y, inc=True) for n in "ab")
        new, kept = remove_reset_incs([Reset(y), first, second])
        assert (type(new), new.src, new.inc) == (Copy, first.src, False)
        assert kept is second

    def test_a_set_may_choose_elements_but_not_targets(self):
        x, y = vector("x"), vector("y")
        (new,) = remove_reset_incs(
            [Reset(y[:2]), Copy(x, y[:2], src_slice=[2, 0], inc=True)]
        )
        assert (new.src_slice, new.inc) == ([2, 0], False)
        scattered = [Reset(y), Copy(x, y, dst_slice=[2, 1, 0], inc=True)]
        assert list(remove_reset_incs(scattered)) == scattered

    def test_increments_that_tile_the_reset_become_sets(self):
        y = vector("y")
        parts = [
            Copy(vector("b", 1.0), y[2:], inc=True),
            ElementwiseInc(scalar(2), filled(2), y[:2]),
        ]
        new = list(remove_reset_incs([parts[0], Reset(y), parts[1]]))
        assert [type(op) for op in new] == [Copy, ElementwiseSet]
        assert [op.sets for op in new] == [op.incs for op in parts]

    @pytest.mark.parametrize(
        "operators",
        [
            lambda y: [Reset(y, value=1), Copy(vector("x"), y, inc=True)],
            lambda y: [Reset(y), Copy(filled(2), y[:2], inc=True)],
            lambda y: [Reset(y), Copy(filled(2), y[::2], inc=True)],
            lambda y: [Reset(y[:2]), Copy(vector("x"), y, inc=True)],
            lambda y: [
                Reset(y),
                Copy(filled(2), y[:2], inc=True),
                Copy(filled(2), y[1:], inc=True),
            ],
            lambda y: [Reset(y), Copy(vector("x"), y[::-1], inc=True)],
        ],
        ids=["to one", "part", "strided", "larger", "overlapping", "reversed"],
    )
    def test_what_does_not_fit_stays(self, operators):
        given = operators(vector("y"))
        assert list(remove_reset_incs(given)) == given


class TestConstantCopies:
    """The copy of a constant is a reset."""

    @pytest.mark.parametrize(("inc", "expected"), [(False, Reset), (True, ResetInc)])
    def test_one_value_is_set_or_added(self, inc, expected):
        y = vector("y")
        op = Copy(vector("x", 2.0, 2.0, 2.0), y, inc=inc, tag="tag")
        (new,) = remove_constant_copies([op])
        assert type(new) is expected
        assert (new.value, new.dst, new.tag) == (2, y, "tag")

    def test_what_is_copied_counts(self):
        op = Copy(vector("x", 5.0, 2.0, 5.0), filled(2), src_slice=[0, 2])
        (new,) = remove_constant_copies([op])
        assert (type(new), new.value) == (Reset, 5)

    def test_a_copy_of_what_is_only_reset_is_a_reset(self):
        a, b = vector("a"), vector("b")
        reset = Reset(a, value=4)
        kept, new = remove_constant_copies([reset, Copy(a, b)])
        assert kept is reset
        assert (type(new), new.value, new.dst) == (Reset, 4, b)

    def test_several_values_stay(self):
        operators = [Copy(vector("x", 1.0, 2.0, 2.0), vector("y"))]
        assert list(remove_constant_copies(operators)) == operators

    def test_chosen_targets_stay(self):
        operators = [Copy(filled(1), vector("y"), dst_slice=[1])]
        assert list(remove_constant_copies(operators)) == operators

    @not_constant
    def test_what_may_change_stays(self, fact):
        x = vector("x", 2.0)
        graph = OperatorGraph([Copy(x, vector("y", 0.0))], {x: fact})
        assert remove_constant_copies(graph) is graph

    def test_what_is_written_stays(self):
        x = vector("x", 2.0)
        operators = [written(x), Copy(x, vector("y", 0.0))]
        assert list(remove_constant_copies(operators)) == operators


class TestIdentityMuls:
    """A product with one is a copy."""

    @pytest.mark.parametrize(
        ("make", "one"),
        [
            (ElementwiseInc, scalar(1)),
            (ElementwiseSet, scalar(1)),
            (ElementwiseInc, vector("ones", 1.0, 1.0, 1.0)),
            (DotInc, scalar(1)),
            (DotInc, Signal(np.eye(3))),
            (DotSet, Signal(np.eye(3))),
        ],
        ids=str,
    )
    def test_it_becomes_a_copy(self, make, one):
        x, y = vector("x"), vector("y")
        (new,) = remove_identity_muls([make(one, x, y, tag="tag")])
        assert (type(new), new.src, new.dst) == (Copy, x, y)
        assert new.inc == (make in (ElementwiseInc, DotInc))
        assert new.tag == "tag"

    def test_either_factor_may_be_one(self):
        x, y = vector("x"), vector("y")
        (new,) = remove_identity_muls([ElementwiseInc(x, scalar(1), y)])
        assert (type(new), new.src) == (Copy, x)

    @pytest.mark.parametrize(
        "op",
        [
            ElementwiseInc(scalar(2), vector("x"), vector("y")),
            ElementwiseInc(vector("ones", 1.0, 1.0, 1.0), scalar(2), vector("y")),
            DotInc(Signal(np.ones((3, 3))), vector("x"), vector("y")),
            DotInc(Signal(np.eye(3)[::-1].copy()), vector("x"), vector("y")),
            DotInc(Signal(np.eye(3, 2)), filled(2), vector("y")),
        ],
        ids=["two", "broadcast", "ones", "permutation", "not square"],
    )
    def test_other_products_stay(self, op):
        assert list(remove_identity_muls([op])) == [op]

    @not_constant
    def test_a_one_that_may_change_stays(self, fact):
        one = scalar(1)
        op = ElementwiseInc(one, vector("x"), vector("y"))
        graph = OperatorGraph([op], {one: fact})
        assert remove_identity_muls(graph) is graph

    def test_an_identity_that_is_written_stays(self):
        weights = Signal(np.eye(3))
        x, y = vector("x"), vector("y")
        operators = [DotInc(weights, x, y), SimPES(x, y, weights, 0.1)]
        assert list(remove_identity_muls(operators)) == operators


class TestCopyChains:
    """Readers of a copy can read the original."""

    def test_a_chain_goes_in_one_pass(self):
        a, b, c, d = (vector(name) for name in "abcd")
        source = written(a)
        reader = Copy(c[1:], d[1:], inc=True)
        graph = remove_copy_chains(
            [source, Reset(b), Copy(a, b, inc=True), Copy(b, c), reader]
        )
        kept, new = graph
        assert kept is source
        assert (new.src.base, new.src.offset, new.dst) == (a, 8, reader.dst)
        assert graph.current(b) is a
        assert graph.current(c) is a

    def test_the_copy_of_a_part_is_a_view(self):
        a, b, c = vector("a"), filled(2), filled(2)
        _, new = remove_copy_chains([written(a), Copy(a[1:], b), Copy(b, c, True)])
        assert (new.src.base, new.src.offset, new.src.shape) == (a, 8, (2,))

    @pytest.mark.parametrize(
        "others",
        [
            lambda a, b: [Copy(a, b, inc=True)],
            lambda a, b: [Copy(a, b), ResetInc(b, value=1)],
            lambda a, b: [Reset(b, value=1), Copy(a, b, inc=True)],
            lambda a, b: [Reset(b[:2]), Copy(a, b, inc=True)],
            lambda a, b: [Copy(a[:2], b[1:])],
            lambda a, b: [Copy(a[::-1], b)],
            lambda a, b: [Copy(a, b, src_slice=[2, 1, 0])],
            lambda a, b: [Copy(a, b, dst_slice=[2, 1, 0])],
            lambda a, b: [Copy(a, b), SimPES(a, filled(1), b.reshape((1, 3)), 0.1)],
        ],
        ids=[
            "grows",
            "more",
            "offset",
            "not reset",
            "part",
            "reversed",
            "choice",
            "scatter",
            "updated",
        ],
    )
    def test_what_is_no_mere_copy_stays(self, others):
        a, b = vector("a"), vector("b")
        operators = [written(a), *others(a, b), SimProbe(b)]
        assert list(remove_copy_chains(operators)) == operators

    @pytest.mark.parametrize("place", ["original", "copy"])
    @pytest.mark.parametrize("trainable", [True, False])
    def test_parameters_stay(self, place, trainable):
        a, b = vector("a"), vector("b")
        signal = a if place == "original" else b
        facts = {signal: SignalFacts(trainable=trainable)}
        graph = OperatorGraph([Copy(a, b), SimProbe(b)], facts)
        assert remove_copy_chains(graph) is graph

    def test_copies_with_a_minibatch_of_their_own_stay(self):
        a, b = vector("a"), vector("b")
        graph = OperatorGraph([Copy(a, b)], {b: SignalFacts(minibatched=True)})
        assert remove_copy_chains(graph) is graph

    def test_a_probe_sees_the_copy_of_what_is_updated_after_it(self):
        a, b, x = vector("a"), vector("b"), vector("x")
        process = SimProcess(nengo.Lowpass(0.1), x, a, scalar(0), mode="update")
        operators = [process, Copy(a, b), SimProbe(b)]
        assert list(remove_copy_chains(operators)) == operators
        _, probe = remove_copy_chains([written(a), Copy(a, b), SimProbe(b)])
        assert probe.reads == [a]

    def test_an_operator_does_not_wait_for_itself(self):
        a, b = vector("a"), vector("b")
        process = SimProcess(nengo.Lowpass(0.1), b, a, scalar(0), mode="update")
        operators = [process, Copy(a, b)]
        assert list(remove_copy_chains(operators)) == operators


class TestDeadOperators:
    """What nobody sees need not be computed."""

    def neurons(self, current, neuron_type=None):
        neuron_type = neuron_type or nengo.RectifiedLinear()
        return SimNeurons(neuron_type, current, vector("output"))

    def test_what_reaches_no_probe_is_removed(self):
        a, b, c = (vector(name) for name in "abc")
        alive = [written(a), Copy(a, b), SimProbe(b)]
        dead = [Copy(a, c), self.neurons(c)]
        assert list(remove_dead_operators([*alive, *dead])) == alive

    def test_what_reaches_a_probe_in_a_later_step_stays(self):
        a, b, x = vector("a"), vector("b"), vector("x")
        process = SimProcess(nengo.Lowpass(0.1), x, a, scalar(0), mode="update")
        operators = [Copy(a, b), SimProbe(b), process, written(x)]
        assert list(remove_dead_operators(operators)) == operators

    def test_learning_stays_if_what_is_learned_is_seen(self):
        x, y, weights = vector("x"), vector("y", 0.0), zeros(1, 3)
        learning = [SimPES(x, y, weights, 0.1), DotInc(weights, x, y)]
        seen = [*learning, SimProbe(y)]
        assert list(remove_dead_operators(seen)) == seen
        unseen = [*learning, SimProbe(vector("z"))]
        assert list(remove_dead_operators(unseen)) == unseen[2:]

    def test_python_code_stays(self):
        class Own(nengo.RectifiedLinear):
            pass

        x = vector("x")
        operators = [
            SimProbe(vector("z")),
            SimPyFunc(None, print, None, x),
            Accumulate(x, scalar(0), scalar(0)),
            self.neurons(x, Own()),
        ]
        assert list(remove_dead_operators(operators)) == operators

    @keeps_a_place
    def test_parameters_and_inputs_keep_their_place(self, fact):
        weights, z = filled(3, 2), vector("z")
        operators = [DotInc(weights, filled(2), vector("y")), SimProbe(z)]
        graph = OperatorGraph(operators, {weights: fact})
        kept = remove_dead_operators(graph)
        assert [type(op) for op in kept] == [SimProbe, SimProbe]
        assert [op.signal for op in kept] == [z, weights]
        assert remove_dead_operators(kept) is kept

    @not_constant
    def test_what_changes_parameters_stays(self, fact):
        weights, change = filled(3, 2), filled(3, 2)
        operators = [written(change), Copy(change, weights, inc=True)]
        graph = OperatorGraph([*operators, SimProbe(vector("z"))], {weights: fact})
        assert remove_dead_operators(graph) is graph

    def test_without_probes_all_stays(self):
        operators = [self.neurons(vector("x"))]
        assert list(remove_dead_operators(operators)) == operators


class _Clock(nengo.Node):
    """A subclass of Node with an output function."""

    def __init__(self):
        super().__init__(output=self.tell, size_out=1)

    def tell(self, t):
        return t


def _of_node(net):
    node = _Clock()
    nengo.Probe(node)
    return lambda model: {}


def _fed_from_outside(net):
    node = nengo.Node([0.0])
    nengo.Probe(node)
    return lambda model: {model.sig[node]["out"]: SignalFacts(external=True)}


def _trainable_zero(net):
    source, target = nengo.Node([1.0]), nengo.Node(size_in=1)
    connection = nengo.Connection(source, target, transform=0, synapse=None)
    nengo.Probe(target)
    return lambda model: {model.sig[connection]["weights"]: SignalFacts(trainable=True)}


def _learned_zero(net):
    pre, post = nengo.Ensemble(10, 1), nengo.Node(size_in=1)
    connection = nengo.Connection(
        pre, post, function=lambda x: 0, learning_rule_type=nengo.PES()
    )
    nengo.Connection(nengo.Node([1.0]), connection.learning_rule)
    nengo.Probe(post)
    return lambda model: {}


@pytest.mark.parametrize(
    "build", [_of_node, _fed_from_outside, _trainable_zero, _learned_zero]
)
def test_what_only_looks_constant_is_never_folded_away(build):
    with nengo.Network(seed=0) as net:
        facts_of = build(net)
    model = nengo.builder.Model()
    model.build(net)
    facts = facts_of(model)
    given = {signal: np.full(signal.shape, 0.5) for signal in facts}
    (probe,) = model.probes
    probed = model.sig[probe]["in"]
    expected = run_plainly(model.operators, [probed], 20, given)

    graph = simplify(OperatorGraph(model.operators, facts), default_simplifications)

    found = run_plainly(graph, [graph.current(probed)], 20, given)
    np.testing.assert_equal(found, expected)
    assert np.ptp([values[0] for values in found]) > 0 or given
    assert found[-1][0] != 0


class TestFixedPoint:
    """Simplifications are applied until nothing changes."""

    def test_one_makes_room_for_another(self):
        a, b, c = vector("a"), vector("b"), vector("c")
        operators = [
            Reset(b),
            ElementwiseInc(scalar(0), a, b),  # adds nothing, so b is only reset,
            Copy(b, c, inc=True),  # and this adds nothing either
        ]
        graph = simplify(
            OperatorGraph(operators), [remove_unmodified_resets, remove_zero_incs]
        )
        assert list(graph) == []
        assert graph.current(b).initial_value.tolist() == [0, 0, 0]

    def test_a_users_own_may_return_a_list(self):
        a, b = vector("a"), vector("b")

        def without_copies(operators):
            return [op for op in operators if not isinstance(op, Copy)]

        facts = {a: SignalFacts(minibatched=True)}
        graph = simplify(OperatorGraph([Reset(a), Copy(a, b)], facts), [without_copies])
        assert [type(op) for op in graph] == [Reset]
        assert graph.fact(a).minibatched

    def test_those_that_undo_each_other_are_reported(self):
        def renew(operators):
            return [Reset(op.dst) for op in operators]

        with pytest.raises(BuildError, match="undo each other"):
            simplify(OperatorGraph([Reset(vector("a"))]), [renew])
