"""Values as DynamoDB's attributes and back."""

from collections.abc import Mapping
from typing import Any

from headgate.stores.dynamodb.client import Item


def text(value: str) -> Mapping[str, Any]:
    """A text attribute."""
    return {"S": value}


def number(value: float) -> Mapping[str, Any]:
    """A number attribute, exact, and as DynamoDB itself would write it."""
    return {"N": repr(value).removesuffix(".0")}


def text_of(item: Item, name: str) -> str:
    """The text attribute `name`."""
    value: str = item[name]["S"]
    return value


def integer_of(item: Item | None, name: str) -> int:
    """The whole number in attribute `name`, 0 where there is none."""
    if item is None or name not in item:
        return 0
    return int(item[name]["N"])


def float_of(item: Item, name: str) -> float:
    """The number in attribute `name`."""
    return float(item[name]["N"])


def escaped(part: str) -> str:
    """`part` without `#`, which separates the parts of a composed key."""
    return part.replace("%", "%25").replace("#", "%23")


def unescaped(part: str) -> str:
    """What `escaped` was given."""
    return part.replace("%23", "#").replace("%25", "%")
