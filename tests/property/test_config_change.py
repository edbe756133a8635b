"""What a change may not break, against a look at the whole configuration before and after it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from masterd.config import document, verify
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.uses import is_exclusive
from masterd.errors import ConfigurationError
from tests.broken_configs import BREAKAGES, sound
from tests.config_support import change, differences, users_of

SOME = st.lists(st.sampled_from(sorted(BREAKAGES)), max_size=3, unique=True)


def broken_by(names: list[str]) -> ConfigSnapshot:
    wrong = sound()
    for name in names:
        BREAKAGES[name].change(wrong)
    return document.split(wrong)


def clashes(config: ConfigSnapshot) -> set[tuple[str, tuple[str, str]]]:
    """Return who has what others have too, and should not."""
    return {
        (use, user)
        for use, users in users_of(config).items()
        if is_exclusive(use) and len(users) > 1
        for user in users
    }


def worse(old: ConfigSnapshot, new: ConfigSnapshot) -> bool:
    """Tell whether the new configuration has a problem that the old one had not."""
    # How a clash is told depends on all who take part; that one of them left is no new problem.
    found = {text for text in set(verify.broken(new)) - set(verify.broken(old))
             if " belongs to " not in text}  # fmt: skip
    return bool(found or clashes(new) - clashes(old))


@settings(max_examples=150)
@given(before=SOME, after=SOME)
def test_a_change_is_refused_when_the_whole_has_a_new_problem(
    before: list[str], after: list[str]
) -> None:
    old, new = broken_by(before), broken_by(after)
    if not differences(old, new):
        return
    try:
        change(old, new)
    except ConfigurationError:
        assert worse(old, new)
    else:
        assert not worse(old, new)
