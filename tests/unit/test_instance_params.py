"""The parameters of instances, filled."""

import pytest

from masterd.config import document
from masterd.errors import OpPrereqError
from masterd.instance import params
from tests.broken_configs import sound

CLUSTER = document.split(sound()).cluster


class Compared(str):
    """A name that counts how often it is compared with others."""

    comparisons = 0

    def __eq__(self, other: object) -> bool:
        type(self).comparisons += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_a_parameter_of_two_visibilities_is_refused() -> None:
    with pytest.raises(OpPrereqError, match=r"public: size; private: \(none\); secret: size"):
        params.os_whole(CLUSTER, "noop", public={"size": "1"}, secret={"size": "2"})


def test_many_parameters_are_not_compared_each_with_each() -> None:
    given: dict[str, str] = {Compared(f"p{number}"): "x" for number in range(1000)}
    params.os_whole(CLUSTER, "noop", public=given)
    assert Compared.comparisons < 20_000
