import datetime as dt
import subprocess
import sys
from pathlib import Path

import pytest
from genai_prices import data, data_snapshot

from headgate.providers.price_table.table import Table, price_table, prices_at, read_table

MOMENTS = [
    dt.datetime(2024, 1, 1, 3, tzinfo=dt.UTC),
    dt.datetime(2026, 11, 23, 0, 15, tzinfo=dt.UTC),
    dt.datetime(2026, 11, 23, 17, tzinfo=dt.UTC),
]
COMPACT = ("gpt-5.2-20251211", "GPT-5.2-20251211", "gpt-5.2-20251311", "no-such-model")

TABLE = """
import datetime
from decimal import Decimal
from .types import *

def hours(start, end, cents):
    constraint = TimeOfDateConstraint(start_time=start, end_time=end)
    return ConditionalPrice(
        constraint=constraint, prices=ModelPrice(input_mtok=Decimal(cents))
    )

later = datetime.timezone(datetime.timedelta(hours=8))
providers = [
    Provider(
        id="night",
        name="Night",
        api_pattern="https://night",
        models=[
            ModelInfo(
                id="owl",
                match=ClauseAnd(
                    and_=[ClauseRegex(regex="^o"), ClauseEndsWith(ends_with="L")],
                ),
                prices=[
                    ConditionalPrice(prices=ModelPrice(input_mtok=Decimal(3))),
                    hours(datetime.time(22, tzinfo=later), datetime.time(2, tzinfo=later), 2),
                    hours(datetime.time(23), datetime.time(1), 1),
                ],
            ),
        ],
    ),
]
"""


def written(directory: Path, text: str) -> Table:
    path = directory / "data.py"
    path.write_text(text)
    return read_table(path)


@pytest.mark.parametrize("vendor_id", [vendor.id for vendor in data.providers])
def test_every_model_is_found_and_costs_as_the_package_itself_has_it(vendor_id: str) -> None:
    table, package = price_table(), data_snapshot.get_snapshot()
    vendor = table.vendor(vendor_id, None)
    assert vendor is not None
    for name in (*(model.id for model in vendor.models), *COMPACT):
        found = table.model(vendor, name)
        try:
            _, theirs = package.find_provider_model(name, None, vendor_id, None)
        except LookupError:
            assert found is None, name
            continue
        assert found is not None, name
        assert (found.id, found.context_window) == (theirs.id, theirs.context_window)
        for moment in MOMENTS:
            # The classes differ, what they say does not.
            assert repr(vars(prices_at(found, moment))) == repr(vars(theirs.get_prices(moment)))


def test_a_vendor_is_found_by_its_address_as_the_package_finds_it() -> None:
    addresses = ["https://api.deepseek.com/v1", "https://api.x.ai/v1", "http://127.0.0.1:8000/v1"]
    for url in addresses:
        found = price_table().vendor(None, url)
        try:
            theirs = data_snapshot.get_snapshot().find_provider(None, None, url).id
        except LookupError:
            theirs = None
        assert (None if found is None else found.id) == theirs
    assert price_table().vendor(None, None) is None


@pytest.mark.parametrize(
    ("hour", "dollars"),
    [(12, 3), (14, 2), (17, 2), (18, 3), (22, 3), (23, 1), (0, 1), (1, 3)],
)
def test_a_price_of_the_night_holds_over_midnight_wherever_its_clock_is(
    tmp_path: Path, hour: int, dollars: int
) -> None:
    table = written(tmp_path, TABLE)
    owl = table.model(table.vendors["night"], "OWL")
    assert owl is not None
    moment = dt.datetime(2026, 11, 23, hour, tzinfo=dt.UTC)
    assert vars(prices_at(owl, moment)) == {"input_mtok": dollars}
    assert table.model(table.vendors["night"], "owls") is None


@pytest.mark.parametrize(
    "text",
    [
        "from .types import *\nproviders = [Provider(id='new', mood='good')]",
        "from .types import *\nproviders = [ClauseUnheardOf()]",
        "from .moods import *\nproviders = []",
        "vendors = []",
    ],
)
def test_an_edition_that_writes_otherwise_is_read_by_the_package(tmp_path: Path, text: str) -> None:
    table = written(tmp_path, text)
    assert [*map(id, table.vendors.values())] == [*map(id, data.providers)]
    found = table.model(table.vendors["openai"], "gpt-4o")
    assert found is not None
    assert prices_at(found, MOMENTS[1]) == found.prices


def test_the_packages_own_machinery_stays_where_it_is() -> None:
    program = (
        "import sys\nfrom headgate.providers.price_table.table import price_table\n"
        "assert price_table().vendors['openai'].models\n"
        "heavy = {'genai_prices', 'httpx2', 'pydantic'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
