"""What a change may not break, against a look at the whole configuration before and after it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from masterd.config import document, verify
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ConfigurationError
from tests.broken_configs import BREAKAGES, sound
from tests.config_support import change, differences

SOME = st.lists(st.sampled_from(sorted(BREAKAGES)), max_size=3, unique=True)


def broken_by(names: list[str]) -> ConfigSnapshot:
    wrong = sound()
    for name in names:
        BREAKAGES[name].change(wrong)
    return document.split(wrong)


@settings(max_examples=150)
@given(before=SOME, after=SOME)
def test_a_change_is_refused_when_the_whole_has_a_new_problem(
    before: list[str], after: list[str]
) -> None:
    old, new = broken_by(before), broken_by(after)
    if not differences(old, new):
        return
    worse = set(verify.broken(new)) - set(verify.broken(old))
    try:
        change(old, new)
    except ConfigurationError:
        assert worse
    else:
        assert not worse
