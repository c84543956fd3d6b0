"""Sums per hour and day, as they are kept."""

from headgate.stores.dynamodb import rollups
from headgate.stores.dynamodb.schema import ROLLUPS
from headgate.stores.time_ranges import DAY, HOUR, Part
from ministack import dynamo_client
from usage_events import NOON, usage_event

MIDNIGHT = NOON - 12 * HOUR


def test_an_event_counts_in_its_hour_and_its_day_and_once_for_each_tag() -> None:
    cells = rollups.cells_of(usage_event(timestamp=NOON + 1, tags=("b", "a", "b")))
    own = ("ada", "sk-proj-one", "default", "openai", "gpt-4o")
    tagged = [("a", "ada", "sk-proj-one"), ("b", "ada", "sk-proj-one")]
    for span, start in ((HOUR, NOON), (DAY, MIDNIGHT)):
        here = [cell for cell in cells if (cell.span, cell.start) == (span, start)]
        assert [cell.dimensions for cell in here if not cell.tags] == [own]
        assert [cell.dimensions for cell in here if cell.tags] == tagged
    assert len(cells) == 6


async def test_additions_to_one_cell_add_up_and_others_stay_apart() -> None:
    one, other = usage_event(billed=7), usage_event(billed=5, model="another")
    async with dynamo_client() as client:
        for event in (one, one, other):
            cells = rollups.cells_of(event)
            sums = rollups.additions_of(event)
            await client.transact([rollups.add(cell, sums, 3) for cell in cells])
        part = Part(DAY, MIDNIGHT, MIDNIGHT + DAY)
        found = list(await rollups.rows(client, "2026-11", 3, part, tags=False))
        elsewhere = list(await rollups.rows(client, "2026-11", 2, part, tags=False))
        nothing = list(await rollups.rows(client, "2026-11", 3, Part(DAY, 0, MIDNIGHT), tags=False))
    billed = {row.dimensions[4]: (row.sums[0], row.sums[5]) for row in found}
    assert billed == {"gpt-4o": (2, 14), "another": (1, 5)}
    assert elsewhere == nothing == []


async def test_months_name_the_shards_that_were_written() -> None:
    async with dynamo_client() as client:
        for month, shard in (("2026-11", 3), ("2026-11", 1), ("2026-11", 3), ("2027-01", 0)):
            await rollups.announce(client, month, shard)
        found = await rollups.shards_by_month(client, NOON, NOON + 60 * DAY)
        only = await rollups.shards_by_month(client, NOON, NOON + DAY)
    assert found == {"2026-11": [1, 3], "2027-01": [0]}
    assert list(only) == ["2026-11"]


def test_a_long_combination_still_has_a_key() -> None:
    """DynamoDB's sort keys hold 1,024 bytes."""
    event = usage_event(user_id="u" * 2_000, model="m" * 2_000)
    update = rollups.add(rollups.cells_of(event)[0], rollups.additions_of(event), 0)["Update"]
    assert isinstance(update, dict)
    assert update["TableName"] == ROLLUPS
    assert len(update["Key"]["cell"]["S"]) < 100
