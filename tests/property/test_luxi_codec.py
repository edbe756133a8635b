"""However a stream is cut, the same messages come out."""

from hypothesis import given
from hypothesis import strategies as st

from masterd.luxi.framing import Decoder, encode

_payloads = st.lists(st.binary(max_size=40).map(lambda data: data.replace(b"\x03", b"")))


@given(payloads=_payloads, tail=st.binary(max_size=20), data=st.data())
def test_any_cut_gives_the_same_messages(
    payloads: list[bytes], tail: bytes, data: st.DataObject
) -> None:
    tail = tail.replace(b"\x03", b"")
    stream = b"".join(map(encode, payloads)) + tail
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted))
    decoder = Decoder(1000)
    pieces = [
        stream[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
    ]
    messages = [message for piece in pieces for message in decoder.feed(piece)]
    assert messages == payloads
    assert decoder.pending_bytes == len(tail)
