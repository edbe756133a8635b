"""Each call has a form of its answers, and what has another one fails the node."""

import msgspec
import pytest

from masterd.rpc.calls import CALLS_3_1
from masterd.rpc.payloads import FORMS, FREE
from masterd.rpc.result import decode

#: An answer that is right, and one that is wrong, of some calls.
ANSWERS: dict[str, tuple[object, object]] = {
    "version": (80, "80"),
    "node_info": (["boot", [None, {}], None], ["boot", {}, None]),
    "os_diagnose": ([["a", "/a", True, "", [], [], [20], True]], [["a", "/a", True]]),
    "hooks_runner": ([["x.d/10-a", 2, "out"], ["x.d/20-b", 0, None]], [["x.d/10-a", "2", ""]]),
    "lv_list": ({"xenvg/a": ["1024.00", False, True]}, {"xenvg/a": ["1024.00", False]}),
    "node_volumes": (
        [{"name": "a", "size": "1.0", "dev": "/dev/sda(0)", "vg": "xenvg", "new": 1}],
        [{"name": "a"}],
    ),
    "blockdev_getmirrorstatus": ([{"ldisk_status": 1}, None], {}),
    "blockdev_getmirrorstatus_multi": ([[True, {}], [False, "gone"]], [[True]]),
    "instance_list": (["a"], [1]),
    "vg_list": ({"xenvg": 1024.5}, ["xenvg"]),
    "iallocator_runner": ("{}", {}),
}  # fmt: skip


def test_every_call_has_a_form_or_is_free_of_one() -> None:
    assert FORMS.keys() | FREE == CALLS_3_1.keys()
    assert not FORMS.keys() & FREE


@pytest.mark.parametrize("call", ANSWERS)
def test_a_wrong_answer_fails_the_node_and_a_right_one_is_kept(call: str) -> None:
    right, wrong = ANSWERS[call]
    answered = decode(call, "node1", "uuid1", msgspec.json.encode([True, right]))
    assert (answered.ok, answered.payload) == (True, right)
    refused = decode(call, "node1", "uuid1", msgspec.json.encode([True, wrong]))
    assert not refused.ok
    assert refused.payload is None
    assert f"RPC layer error: invalid answer to '{call}' (" in (refused.error or "")


def test_an_answer_without_a_form_is_what_it_is() -> None:
    answered = decode("run_oob", "node1", "uuid1", b'[true, {"powered": 1}]')
    assert answered.payload == {"powered": 1}
