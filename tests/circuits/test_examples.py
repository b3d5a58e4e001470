"""Promises of mlp.circuits.examples: each example has a sentence."""

from mlp.circuits.examples import EXAMPLES, sentence_key, shows
from mlp.pages.circuit import STAGED
from tests.languages.catalogue import catalogue


def test_each_example_has_its_sentence_in_the_catalogue_and_no_sentence_is_left_over():
    assert {key for key in catalogue("en") if key.startswith("examples.")} == set(
        map(sentence_key, [*EXAMPLES, *STAGED.values()])
    )
    assert shows("sum-times") == "the first circuit: the chain rule is a product of local derivatives"
    assert shows("sum-times", "zh") == "第一个电路：链式法则就是把局部梯度相乘"
