"""The one error of this package."""

from masterd.errors import LuxiParseError


class OpCodeError(LuxiParseError):
    """An opcode document is refused; nothing was submitted.

    Travels as plain text, like every request that cannot be understood. The text leaves out the
    method's name, which whoever serves the request puts in front.
    """
