"""Arithmetic, by a grammar of its own: nothing that is written here reaches an interpreter.

    sum      = product { ("+" | "-") product }
    product  = signed { ("*" | "/" | "//" | "%") signed }
    signed   = { "+" | "-" } power
    power    = atom [ ("^" | "**") signed ]
    atom     = number | constant | function "(" sum { "," sum } ")" | "(" sum ")"

Numbers are decimals: `0.1 + 0.2` is `0.3`. An expression is bounded in its length and its depth,
and every number in its size, so that the work is bounded too.
"""

import decimal
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, NamedTuple

from msgspec import Meta

from headgate.core.errors import InvalidRequest
from headgate.tools.declaration import tool

MOST_CHARACTERS = 1_000
MOST_DEPTH = 50
MOST_DIGITS = 300
MOST_EXPONENT = 10_000
MOST_PLACES = 100
FINE_DIGITS = 40
"""The digits of roots, logarithms and the like, of which none is exact anyway."""
SURE_DIGITS = 30
"""Where a value is not whole, what is beyond these digits may have come of rounding."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>\*\*|//|[-+*/%^(),]))",
    re.ASCII,
)
_END = "the end"


class _Token(NamedTuple):
    kind: str
    text: str
    place: int


@tool(timeout_seconds=5)
async def calculator(
    *,
    expression: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=MOST_CHARACTERS,
            description="For example `(2 + 3) * 4 ^ 2` or `round(sqrt(2), 3)`.",
        ),
    ],
) -> int | float:
    """Work an arithmetic expression out: + - * / // % ^, brackets, and the usual functions."""
    return value_of(expression)


def value_of(expression: str) -> int | float:
    """The value of an expression; whole ones exactly, others as near as a float comes.

    Raises:
        InvalidRequest: it is no expression, or too much of one; says where and why.
    """
    if len(expression) > MOST_CHARACTERS:
        raise _refused(f"it is longer than {MOST_CHARACTERS} characters")
    with decimal.localcontext(_CONTEXT):
        try:
            value = _Reader(expression).value()
            _check(value)
        except decimal.DivisionByZero:
            raise _refused("it divides by zero") from None
        except decimal.Overflow:
            raise _too_large() from None
        except (decimal.InvalidOperation, ValueError, ArithmeticError):
            raise _refused("it asks for a value that does not exist, as `0 / 0` does") from None
        if value != value.to_integral_value():
            decimal.getcontext().prec = SURE_DIGITS
            value = +value  # `1 / 3 * 3` is 1
        return int(value) if value == value.to_integral_value() else float(value)


_CONTEXT = decimal.Context(
    prec=2 * MOST_DIGITS,
    rounding=decimal.ROUND_HALF_EVEN,
    Emax=2 * MOST_DIGITS,
    Emin=-2 * MOST_DIGITS,
    traps=[decimal.DivisionByZero, decimal.Overflow, decimal.InvalidOperation],
)


def _tokens(expression: str) -> Iterator[_Token]:
    place, text = 0, expression.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            rest = text[place:].lstrip()
            raise _refused(f"{rest[:1]!r} at character {len(text) - len(rest) + 1} means nothing")
        yield _Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup) + 1)
        place = match.end()
    yield _Token("end", _END, len(text) + 1)


class _Reader:
    """Reads an expression once from left to right and works it out on the way."""

    def __init__(self, expression: str) -> None:
        self._tokens = _tokens(expression)
        self._next = next(self._tokens)
        self._depth = 0

    def value(self) -> Decimal:
        """The value of all of it."""
        value = self._sum()
        if self._next.kind != "end":
            raise self._unexpected("an operator")
        return value

    def _sum(self) -> Decimal:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise _refused(f"it is nested deeper than {MOST_DEPTH} levels")
        value = self._product()
        while self._next.text in {"+", "-"}:
            sign = self._take().text
            other = self._product()
            value = _check(value + other if sign == "+" else value - other)
        self._depth -= 1
        return value

    def _product(self) -> Decimal:
        value = self._signed()
        while self._next.text in _PRODUCTS:
            operation = _PRODUCTS[self._take().text]
            value = _check(operation(value, self._signed()))
        return value

    def _signed(self) -> Decimal:
        is_negative = False
        while self._next.text in {"+", "-"}:
            is_negative ^= self._take().text == "-"
        value = self._power()
        return -value if is_negative else value

    def _power(self) -> Decimal:
        base = self._atom()
        if self._next.text not in {"^", "**"}:
            return base
        self._take()
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise _refused(f"it is nested deeper than {MOST_DEPTH} levels")
        exponent = self._signed()
        self._depth -= 1
        return _check(_raised(base, exponent))

    def _atom(self) -> Decimal:
        token = self._take()
        if token.kind == "number":
            return _check(Decimal(token.text))
        if token.text == "(":
            value = self._sum()
            self._expect(")")
            return value
        if token.kind == "name":
            return self._named(token)
        self._next = token
        raise self._unexpected("a number")

    def _named(self, token: _Token) -> Decimal:
        name = token.text.lower()
        if self._next.text != "(":
            if name in _CONSTANTS:
                return _CONSTANTS[name]
            raise _refused(
                f"{token.text[:32]!r} at character {token.place} is unknown; there are "
                f"{', '.join((*_CONSTANTS, *_FUNCTIONS))}"
            )
        self._take()
        given = [self._sum()]
        while self._next.text == ",":
            self._take()
            given.append(self._sum())
        self._expect(")")
        function = _FUNCTIONS.get(name)
        if function is None:
            raise _refused(f"there is no function {name[:32]!r}; there are {', '.join(_FUNCTIONS)}")
        if not function.least <= len(given) <= function.most:
            raise _refused(f"{name} does not take {len(given)} values")
        if function.is_exact:
            return _check(function.work(given))
        with decimal.localcontext() as context:
            context.prec = FINE_DIGITS
            value = function.work(given)
            context.prec = FINE_DIGITS - 5
            return _check(+value)  # rounded: `log(8, 2)` is 3

    def _take(self) -> _Token:
        token = self._next
        if token.kind != "end":
            self._next = next(self._tokens)
        return token

    def _expect(self, text: str) -> None:
        if self._next.text != text:
            raise self._unexpected(f"{text!r}")
        self._take()

    def _unexpected(self, wanted: str) -> InvalidRequest:
        found = self._next
        shown = found.text if found.kind == "end" else repr(found.text[:32])
        return _refused(f"{shown} stands at character {found.place} where {wanted} should")


def _raised(base: Decimal, exponent: Decimal) -> Decimal:
    if abs(exponent) > MOST_EXPONENT:
        raise _refused(f"an exponent is beyond {MOST_EXPONENT}")
    if exponent == exponent.to_integral_value():
        if not base and exponent < 0:
            raise decimal.DivisionByZero
        return base ** int(exponent)
    with decimal.localcontext() as context:
        context.prec = FINE_DIGITS
        return base**exponent


def _floored(value: Decimal, divisor: Decimal) -> Decimal:
    return (value / divisor).to_integral_value(decimal.ROUND_FLOOR)


_PRODUCTS: Mapping[str, Callable[[Decimal, Decimal], Decimal]] = {
    "*": lambda value, other: value * other,
    "/": lambda value, other: value / other,
    "//": _floored,
    "%": lambda value, other: value - other * _floored(value, other),
}
_CONSTANTS = {
    "pi": Decimal("3.141592653589793238462643383279502884197"),
    "e": Decimal("2.718281828459045235360287471352662497757"),
}


class _Function(NamedTuple):
    """A function of `least` to `most` values."""

    work: Callable[[Sequence[Decimal]], Decimal]
    least: int = 1
    most: int = 1
    is_exact: bool = False


def _by_float(function: Callable[[float], float]) -> _Function:
    return _Function(lambda given: Decimal(repr(function(float(given[0])))))


def _rounded(given: Sequence[Decimal]) -> Decimal:
    places = int(given[1]) if len(given) > 1 else 0
    if abs(places) > MOST_PLACES:
        raise _refused(f"it rounds to more than {MOST_PLACES} places")
    return given[0].quantize(Decimal(1).scaleb(-places), decimal.ROUND_HALF_UP)


def _logarithm(given: Sequence[Decimal]) -> Decimal:
    return given[0].ln() / given[1].ln() if len(given) > 1 else given[0].ln()


_FUNCTIONS: Mapping[str, _Function] = {
    "abs": _Function(lambda given: abs(given[0]), is_exact=True),
    "min": _Function(min, 1, 100, is_exact=True),
    "max": _Function(max, 1, 100, is_exact=True),
    "round": _Function(_rounded, 1, 2, is_exact=True),
    "floor": _Function(
        lambda given: given[0].to_integral_value(decimal.ROUND_FLOOR), is_exact=True
    ),
    "ceil": _Function(
        lambda given: given[0].to_integral_value(decimal.ROUND_CEILING), is_exact=True
    ),
    "sqrt": _Function(lambda given: given[0].sqrt()),
    "exp": _Function(lambda given: given[0].exp()),
    "ln": _Function(lambda given: given[0].ln()),
    "log": _Function(_logarithm, 1, 2),
    "log10": _Function(lambda given: given[0].log10()),
    "sin": _by_float(math.sin),
    "cos": _by_float(math.cos),
    "tan": _by_float(math.tan),
    "asin": _by_float(math.asin),
    "acos": _by_float(math.acos),
    "atan": _by_float(math.atan),
}


def _check(value: Decimal) -> Decimal:
    """The value, if it is not beyond all bounds."""
    if value and value.adjusted() >= MOST_DIGITS:
        raise _too_large()
    return value


def _too_large() -> InvalidRequest:
    return _refused(f"a number in it has more than {MOST_DIGITS} digits")


def _refused(why: str) -> InvalidRequest:
    return InvalidRequest(f"the expression cannot be worked out: {why}", param="expression")
