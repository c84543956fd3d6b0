"""The table of the package `genai-prices`, read without the package's own machinery.

The table is the module `data` of whatever edition is installed. It is run here as if it were part
of this package, so that it finds our `types` in place of the package's.
"""

import datetime as dt
import importlib
import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

from headgate.providers.price_table.types import ModelInfo, ModelPrice, Provider

PACKAGE = "genai_prices"
_DATE = re.compile(r"-(20\d\d)(\d\d)(\d\d)(?=[-:]|$)")


@dataclass(frozen=True, slots=True)
class Table:
    """All vendors by their ids."""

    vendors: Mapping[str, Provider]

    def vendor(self, vendor_id: str | None, url: str | None) -> Provider | None:
        """A vendor by its id, else by the address that it is called at."""
        if vendor_id is not None:
            return self.vendors.get(vendor_id)
        if url is None:
            return None
        found = (one for one in self.vendors.values() if re.match(one.api_pattern, url))
        return next(found, None)

    def model(self, vendor: Provider, name: str) -> ModelInfo | None:
        """What a vendor's model is in the table, whatever edition `name` says."""
        name = name.lower()
        found = self._model(vendor, name)
        # Some write the date of an edition without dashes where its vendor has them.
        dashed = _DATE.sub(_dashed, name)
        return found if found is not None or dashed == name else self._model(vendor, dashed)

    def _model(self, vendor: Provider, name: str) -> ModelInfo | None:
        others = (self.vendors.get(one) for one in vendor.fallback_model_providers or ())
        for one in (vendor, *others):
            for model in one.models if one is not None else ():
                if model.is_match(name):
                    return model
        return None


def prices_at(model: ModelInfo, moment: dt.datetime) -> ModelPrice:
    """A model's prices at a moment, in UTC: the last that hold, else the first."""
    if not isinstance(model.prices, list):
        return model.prices
    for one in reversed(model.prices):
        if one.constraint is None or one.constraint.active(moment):
            return one.prices
    return model.prices[0].prices


@cache
def price_table() -> Table:
    """The table of the installed edition."""
    spec = importlib.util.find_spec(PACKAGE)  # which finds a package without running it
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(PACKAGE)
    return read_table(Path(spec.origin).with_name("data.py"))


def read_table(path: Path) -> Table:
    """The table in a file; where it holds words unknown here, as the package reads its own."""
    try:
        providers = _run(path)
    except (AttributeError, ImportError, NameError, OSError, TypeError):
        # An edition that writes otherwise is read by its own classes, which is slow but right.
        providers = importlib.import_module(f"{PACKAGE}.data").providers
    return Table({one.id: one for one in cast("list[Provider]", providers)})


def _run(path: Path) -> object:
    spec = importlib.util.spec_from_file_location(f"{__package__}.data", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.providers


def _dashed(compact: re.Match[str]) -> str:
    try:
        return f"-{dt.date(*map(int, compact.groups()))}"
    except ValueError:
        return compact[0]
