"""Users' data in DynamoDB cannot be deleted as a whole yet, and this says so."""

from typing import NoReturn

from headgate.core.erasures import Erased, Erasure
from headgate.core.errors import InvalidRequest


class DynamoUserData:
    """`UserDataStore` that refuses to begin."""

    async def begin(self, erasure: Erasure) -> NoReturn:  # noqa: ARG002 - the port's
        """See `UserDataStore.begin`."""
        raise InvalidRequest(
            "with HEADGATE_STORE=dynamodb a user's data cannot be deleted as a whole yet: revoke"
            " the user's keys, and set `retention_days` under [usage] and [agents]"
        )

    async def of(self, user_id: str) -> Erasure | None:  # noqa: ARG002 - the port's
        """See `UserDataStore.of`."""
        return None

    async def under_way(self) -> list[Erasure]:
        """See `UserDataStore.under_way`."""
        return []

    async def erase(self, erasure: Erasure, *, limit: int) -> Erased:  # noqa: ARG002 - the port's
        """See `UserDataStore.erase`."""
        return Erased(0, 0)

    async def end(self, erasure: Erasure) -> None:
        """See `UserDataStore.end`."""
