"""Parameters in a client's words."""

import pytest

from masterd.config import typed
from masterd.errors import TypeEnforcementError


@pytest.mark.parametrize(
    ("text", "mib"),
    [
        ("128", 128), (130, 132), ("1.5", 4), ("1g", 1024), ("1.5 GiB", 1536), ("2T", 2097152),
        ("3mb", 4), ("0", 0),
    ],
)  # fmt: skip
def test_a_size_is_mib_unless_it_has_a_unit_and_a_multiple_of_4(text: object, mib: int) -> None:
    assert typed.typed({"maxmem": text}, typed.BACKEND) == {"maxmem": mib}


@pytest.mark.parametrize("text", ["", "much", "1.2.3", "-1", "1k", "1ib", "9" * 500, None, True])
def test_what_is_no_size_is_refused(text: object) -> None:
    with pytest.raises(TypeEnforcementError, match="is not a valid size"):
        typed.typed({"minmem": text}, typed.BACKEND)


@pytest.mark.parametrize("number", [2**63, str(-(2**63) - 1), 1e30])
def test_a_number_of_more_than_64_bits_cannot_be_kept(number: object) -> None:
    with pytest.raises(TypeEnforcementError, match="is not a valid integer"):
        typed.typed({"vcpus": number}, typed.BACKEND)
