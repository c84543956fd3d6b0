"""Where rate limits are kept, as the settings say."""

from pathlib import Path

import pytest

from headgate.bootstrap.limits import LIMITS, check_limits, open_limiter
from headgate.core.keys import VirtualKey
from headgate.settings import Settings

KEY = VirtualKey(key_id="sk-proj-one", name="one", scopes=frozenset(), created_at=0)


async def test_without_redis_they_are_kept_in_the_data_directory(tmp_path: Path) -> None:
    settings = Settings.load({"HEADGATE_DATA": str(tmp_path / "new")}, tmp_path)
    async with open_limiter(settings) as limiter:
        (await limiter.limiter.admit(KEY, 1)).finish(1)
        assert limiter.health == {}
    assert (tmp_path / "new" / LIMITS).is_dir()


@pytest.mark.parametrize(
    ("environment", "status"),
    [({}, "ok"), ({"HEADGATE_REDIS_URL": "redis://:p4ss@127.0.0.1:9"}, "fail")],
)
async def test_the_doctor_says_where_rate_limits_are_kept(
    tmp_path: Path, environment: dict[str, str], status: str
) -> None:
    finding = await check_limits(Settings.load(environment, tmp_path))
    assert finding.status == status
    assert "p4ss" not in f"{finding}"
