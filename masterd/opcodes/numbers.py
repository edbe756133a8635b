"""Fractions in summaries, in the reference's text form.

`0.1`, `1.0`, `9999999.0`, but `1.0e-2` and `1.0e7`: from a tenth up to ten million plainly, outside
with an exponent, always with a decimal part. Source: summaries of a running 3.0.2 luxid.
"""

from decimal import Decimal
from functools import lru_cache

#: Up to here Python and the reference find the same shortest digits; see `_strict_digits`.
_SAME_DIGITS_BELOW = 2.0**53


@lru_cache(maxsize=1024)
def double_text(value: float) -> str:
    """Return the text of a finite number."""
    if value == 0.0:
        return "0.0"
    magnitude = abs(value)
    sign = "-" if value < 0 else ""
    if 0.1 <= magnitude < 1e7:
        return sign + repr(magnitude)
    if magnitude < _SAME_DIGITS_BELOW:
        _, parts, power = Decimal(repr(magnitude)).as_tuple()
        assert isinstance(power, int), "the number is finite"
        digits = "".join(map(str, parts)).rstrip("0")
        exponent = len(parts) + power - 1
    else:
        digits, exponent = _strict_digits(int(magnitude))
    return f"{sign}{digits[0]}.{digits[1:] or '0'}e{exponent}"


def _strict_digits(whole: int) -> tuple[str, int]:
    """Return the fewest digits that name a double of 2**53 or more, and its decimal exponent.

    The number they name has to lie strictly between the midpoints to the neighbouring doubles.
    Python takes a midpoint too where reading it rounds to the double, which is why it says 1e23
    where the reference says 9.999999999999999e22. Smaller doubles have midpoints with too many
    digits to matter.
    """
    spacing = 1 << (whole.bit_length() - 53)
    # In quarters of a unit, because below a power of two the doubles lie twice as close.
    centre = 4 * whole
    low = centre - (spacing if whole & (whole - 1) == 0 else 2 * spacing)
    high = centre + 2 * spacing
    size = len(str(whole))
    for count in range(1, 18):
        step = 4 * 10 ** max(size - count, 0)
        down = centre // step * step
        found = [number for number in (down, down + step) if low < number < high]
        if found:
            text = str(min(found, key=lambda number: abs(number - centre)) // 4)
            return text.rstrip("0"), len(text) - 1
    raise AssertionError(f"17 digits name every double, but not {whole}")
