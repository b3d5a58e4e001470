"""Promises of mlp.system.printable."""

from mlp.system.printable import listed


def test_items_are_listed_with_an_and_before_the_last():
    assert [listed(range(count)) for count in (1, 2, 3)] == ["0", "0 and 1", "0, 1 and 2"]
