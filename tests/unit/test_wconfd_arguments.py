"""Arguments of the configuration daemon's calls, as programs send them."""

from collections.abc import Callable

import pytest

from masterd.errors import GenericError
from masterd.lock.levels import BGL, CONFIG_LOCK, LOCKSET, Lock, LockLevel, LockMode
from masterd.lock.owners import Outsider
from masterd.wconfd import arguments


@pytest.mark.parametrize(
    ("text", "lock"),
    [
        ("cluster/BGL", Lock(LockLevel.CLUSTER, BGL)),
        ("cluster/[lockset]", Lock(LockLevel.CLUSTER, LOCKSET)),
        ("cluster/config", CONFIG_LOCK),
        ("node-res/x/y", Lock(LockLevel.NODE_RES, "x/y")),
        ("instance/[lockset]", Lock(LockLevel.INSTANCE, LOCKSET)),
    ],
)
def test_locks_are_named_as_in_listings(text: str, lock: Lock) -> None:
    assert arguments.lock(text) == lock
    assert str(lock) == text


@pytest.mark.parametrize("text", ["cluster/x", "config/x", "cluster", "node", "foo/n", ""])
def test_what_names_no_lock_is_refused(text: str) -> None:
    with pytest.raises(GenericError, match="Unknown lock name"):
        arguments.lock(text)


@pytest.mark.parametrize(
    ("given", "owner"),
    [
        (["main", "/run/x", 4], Outsider("main", "/run/x", 4)),
        ([12, "/run/x", 4], Outsider(12, "/run/x", 4)),
        ([12, "/run/x"], Outsider(12, "/run/x", 0)),
    ],
)
def test_owners_are_a_word_or_a_job_with_their_livelock(given: object, owner: Outsider) -> None:
    assert arguments.owner(given) == owner


@pytest.mark.parametrize("given", ["x", ["x"], [None, "a", 3], ["x", "a", True], [True, "a", 3]])
def test_what_names_no_owner_is_refused(given: object) -> None:
    with pytest.raises(GenericError, match="malformed client id"):
        arguments.owner(given)


def test_a_job_has_no_negative_number() -> None:
    with pytest.raises(GenericError, match="Invalid value for job ID ' -7'"):
        arguments.owner([-7, "/run/x", 1])


def test_a_request_takes_or_gives_back() -> None:
    node = Lock(LockLevel.NODE, "n")
    assert arguments.change(["node/n", "shared"]) == (node, LockMode.SHARED)
    assert arguments.change(["node/n", "release"]) == (node, None)
    with pytest.raises(GenericError, match="Unknown owner type release"):
        arguments.wanted(["node/n", "release"])


@pytest.mark.parametrize(
    ("reader", "given", "told"),
    [
        (arguments.text, 3, "Unable to read String"),
        (arguments.truth, 1, "Unable to read Bool"),
        (arguments.whole, True, "Unable to read Int"),
        (arguments.priority, "x", "Unable to read Integer"),
        (arguments.document, [], "Unable to read JSObject"),
        (arguments.address, "1.2.3", "Can't parse IPv4 address from string 1.2.3"),
        (arguments.volume, "xenvg", "Invalid JSON value 'xenvg' for a logical volume"),
        (arguments.volume, "a/b/c", "Validation errors: Volume name must consist only"),
        (arguments.level, "BGL", "Unknown lock-level name 'BGL'"),
        (arguments.level, 3, "Wrong JSON type"),
        (arguments.change, ["node/n", "bar"], "Unknown lock update request bar"),
        (arguments.change, ["node/n"], "Unable to read Pair"),
        (arguments.listed(arguments.text), "x", "Unable to read list"),
        (arguments.word(("up",), "AdminState"), "on", "Invalid string value for type AdminState"),
        (arguments.uuid, 3, "readJSON{ByteString}: unable to parse string value"),
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_refused_in_the_references_words(
    reader: Callable[[object], object], given: object, told: str
) -> None:
    with pytest.raises(GenericError) as refused:
        reader(given)
    assert refused.value.message.startswith(f"RPC input: {told}")


@pytest.mark.parametrize(
    ("count", "told"), [(0, "()"), (1, "1 tuple"), (2, "Pair"), (3, "Triple"), (4, "4 tuple")]
)
def test_a_wrong_number_of_arguments_is_refused(count: int, told: str) -> None:
    readers = (arguments.text,) * count
    with pytest.raises(GenericError) as refused:
        arguments.unpack(["x"] * (count + 1), readers)
    assert refused.value.message == f"RPC input: Unable to read {told}"
    assert arguments.unpack(["x"] * count, readers) == ["x"] * count
