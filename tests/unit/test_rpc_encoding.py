"""Arguments become JSON values, or are refused before anything is sent."""

import base64
import zlib

import msgspec
import pytest

from masterd.errors import ProgrammerError
from masterd.rpc.calls import CALLS, find
from masterd.rpc.encoding import (
    COMPRESS_BYTES_MIN,
    FileDetails,
    compress,
    decompress,
)


def test_a_text_is_compressed_from_512_bytes_on() -> None:
    assert compress("x" * 511) == [0, "x" * 511]
    kind, text = compress("x" * COMPRESS_BYTES_MIN)
    assert kind == 1
    assert isinstance(text, str)
    assert zlib.decompress(base64.b64decode(text)) == b"x" * 512


def test_bytes_are_counted_not_characters() -> None:
    assert compress("é" * 255)[0] == 0
    assert compress("é" * 256)[0] == 1


def test_content_that_is_no_text_is_refused() -> None:
    with pytest.raises(ProgrammerError):
        compress(b"\xff")


@pytest.mark.parametrize(
    "value",
    [
        None,
        [2, "x"],
        [0, 5],
        [1, "not base64!"],
        [1, base64.b64encode(b"not zlib").decode()],
        [1, base64.b64encode(zlib.compress(b"x" * 1000)[:-5]).decode()],
        [0, "x" * 1001],
        [1, base64.b64encode(zlib.compress(b"x" * 1001)).decode()],
    ],
)
def test_damaged_or_too_long_content_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="content"):
        decompress(value, bytes_max=1000)


def test_a_file_goes_as_seven_values_with_its_content_compressed() -> None:
    details = FileDetails("/etc/hosts", b"short", 0o644, "root", "root", 1.5, 2.5)
    assert details.arguments() == ["/etc/hosts", [0, "short"], 0o644, "root", "root", 1.5, 2.5]


def test_content_of_just_the_greatest_length_is_taken() -> None:
    for text in ("x" * 300, "x" * 1000):
        assert decompress(compress(text), bytes_max=len(text)) == text.encode()


# --- bodies -----------------------------------------------------------------------------------


def body(name: str, *values: object) -> object:
    return msgspec.json.decode(CALLS[name].bodies(("uuid",), values)["uuid"])


def test_a_body_is_the_list_of_encoded_arguments() -> None:
    assert body("version") == []
    assert body("test_delay", 0.5) == [0.5]
    assert body("jobqueue_update", "/queue/job-1", compress("{}")) == ["/queue/job-1", [0, "{}"]]
    assert body("jobqueue_rename", [["a", "b"]]) == [[["a", "b"]]]


def test_a_body_is_ascii_whatever_it_says() -> None:
    bodies = CALLS["jobqueue_update"].bodies(("a",), ("/queue/job-1", compress("é\U0001f600")))
    assert bodies["a"] == b'["/queue/job-1",[0,"\\u00e9\\ud83d\\ude00"]]'


def test_nodes_share_one_body_where_nothing_differs() -> None:
    bodies = CALLS["jobqueue_update"].bodies(("a", "b", "c"), ("/queue/job-1", compress("{}")))
    assert bodies["a"] is bodies["b"] is bodies["c"]


def test_each_node_gets_its_own_storage_units_and_disks() -> None:
    units = {"a": [["lvm-vg", "x", []]], "b": []}
    bodies = CALLS["node_info"].bodies(("a", "b"), (units, [["kvm", {}]]))
    assert msgspec.json.decode(bodies["a"]) == [[["lvm-vg", "x", []]], [["kvm", {}]]]
    assert msgspec.json.decode(bodies["b"]) == [[], [["kvm", {}]]]
    assert body("node_info", [], []) == [[], []]
    with pytest.raises(ProgrammerError, match="node c"):
        CALLS["node_info"].bodies(("c",), (units, []))
    disks = CALLS["blockdev_getmirrorstatus_multi"].bodies(("a",), ({"a": [1], "b": [2]},))
    assert disks == {"a": b"[[1]]"}


def test_one_call_sends_its_argument_as_the_whole_body() -> None:
    by_node: dict[str, object] = {"uuid": {"inst1": {}}, "other": {}}
    assert body("instance_console_info", by_node) == {"inst1": {}}


def test_a_wrong_number_of_arguments_is_refused_with_their_names() -> None:
    with pytest.raises(ProgrammerError, match=r"takes the arguments \(file_name, content\), got 1"):
        body("jobqueue_update", "/queue/job-1")


def test_an_object_is_refused_though_it_could_be_taken_apart() -> None:
    details = FileDetails("/etc/hosts", b"short", 0o644, "root", "root")
    with pytest.raises(ProgrammerError, match="'file_name' of node call 'upload_file' has no JSON"):
        body("upload_file", details)


def test_a_value_without_json_form_is_refused() -> None:
    with pytest.raises(ProgrammerError, match="has no JSON form"):
        body("set_watcher_pause", object())


def test_an_unknown_call_is_a_fault_of_the_program() -> None:
    with pytest.raises(ProgrammerError, match="There is no node call 'nope'"):
        find("nope")


def test_the_timeout_of_a_delay_follows_the_delay() -> None:
    assert CALLS["test_delay"].timeout_s((10.9,)) == 15
    with pytest.raises(ProgrammerError):
        CALLS["test_delay"].timeout_s(("long",))
