"""Changes of Keras are undone one part at a time, in any order."""

import itertools

import pytest

from gatewright.keras.patches import Patches


class Parent:
    def inherited(self):
        return ["inherited"]


class Owner(Parent):
    def method(self):
        return ["stock"]


def adding(word):
    return lambda stock: lambda self: [*stock(self), word]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_changes_of_other_parts_stay_in_whatever_order_parts_are_undone(order):
    before = dict(vars(Owner))
    parts = [Patches() for _ in range(3)]
    for index, part in enumerate(parts):
        part.wrap(Owner, "method", adding(index))
        part.wrap(Owner, "inherited", adding(index))
    assert Owner().method() == ["stock", 0, 1, 2]
    left = [0, 1, 2]
    for index in order:
        parts[index].undo()
        left.remove(index)
        assert Owner().method() == ["stock", *left]
        assert Owner().inherited() == ["inherited", *left]
        assert not parts[index]
    assert dict(vars(Owner)) == before


def test_attributes_are_set_and_removed_and_come_back():
    before = dict(vars(Owner))
    part = Patches()
    part.replace(Owner, "new", 1)
    part.remove(Owner, "method")
    part.wrap(Owner, "absent", lambda stock: (stock,))
    assert (Owner.new, Owner.absent) == (1, (None,))
    assert not hasattr(Owner, "method")
    part.undo()
    assert dict(vars(Owner)) == before
