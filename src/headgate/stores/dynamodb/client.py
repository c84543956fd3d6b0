"""DynamoDB's requests: signed, sent again while the service says that a later try may succeed.

Every request that is sent again may have been carried out before, its answer lost on the way. So
each is one that does no harm twice: reads, writes with a condition or with one outcome, and
transactions, which carry a token by which DynamoDB knows them again for ten minutes.
"""

import asyncio
import itertools
import logging
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

from headgate.core.errors import Overloaded
from headgate.stores.dynamodb.table_counts import TableCounts
from headgate.transport.http import HttpClient, HttpError, HttpUnreachable
from headgate.transport.sigv4 import CredentialsSource, Target, sign

Item: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Attributes by their names, each with its type: `{"userId": {"S": "ada"}}`."""

PATIENCE_SECONDS = 5.0
"""How long a request is sent again before its caller is told; one that waits may take longer."""
FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 1.0
MOST_KEYS_READ = 100
MOST_KEYS_DELETED = 25

_PASSING = frozenset(
    {
        "InternalServerError",
        "ItemCollectionSizeLimitExceededException",
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
# Of these it is certain that nothing was done; of a fault of the service it is not.
_REFUSED = _PASSING - {
    "InternalServerError",
    "ServiceUnavailable",
    "TransactionInProgressException",
}
_WRITES = frozenset({"BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"})
_CREDENTIALS = frozenset(
    {
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
    }
)

_log = logging.getLogger(__name__)


class ConditionFailed(Exception):
    """A write's condition did not hold, so it changed nothing."""


class TransactionRefused(Exception):
    """A condition of a transaction did not hold, so it changed nothing.

    Attributes:
        failed: the places of the actions whose conditions did not hold.
    """

    def __init__(self, failed: frozenset[int]) -> None:
        super().__init__(f"conditions {sorted(failed)} did not hold")
        self.failed = failed


class TableExists(Exception):
    """A table of that name is there already."""


class TableMissing(Overloaded):
    """There is no table of that name."""

    def __init__(self, name: str = "of the database") -> None:
        super().__init__(f"The table {name} is missing; run `headgate migrate`.")


class _Passing(Exception):
    """A later try may succeed.

    Attributes:
        may_be_done: the request arrived, or may have, and nobody knows what became of it.
    """

    def __init__(self, reason: str, *, may_be_done: bool = False) -> None:
        super().__init__(reason)
        self.may_be_done = may_be_done

    @property
    def is_throttling(self) -> bool:
        """Whether the service has had too many requests."""
        return any(word in str(self) for word in ("Throttl", "Throughput", "RequestLimit"))


@dataclass(frozen=True, slots=True)
class DynamoClient:
    """DynamoDB at `endpoint`; the stores of a process share one."""

    http: HttpClient
    endpoint: str
    region: str
    credentials: CredentialsSource
    clock: Callable[[], float] = time.time
    patience_seconds: float = PATIENCE_SECONDS
    counts: TableCounts = field(default_factory=TableCounts)

    async def call(self, operation: str, request: Mapping[str, object]) -> dict[str, Any]:
        """The answer to a request, which is sent again while a later try may succeed.

        Raises:
            ConditionFailed, TransactionRefused, TableExists: what was asked for cannot be.
            Overloaded: DynamoDB does not answer, or refuses; its own words are in the log.
        """
        body = msgspec.json.encode(request)
        give_up_at = time.monotonic() + self.patience_seconds
        tried = 0
        may_be_done = False
        while True:
            try:
                return await self._attempt(operation, body)
            except _Passing as error:
                may_be_done |= error.may_be_done and operation in _WRITES
                await _pause(tried, give_up_at, f"{operation}: {error}", may_be_done=may_be_done)
            except Overloaded as error:
                # It refuses this try; an earlier one may have been carried out.
                error.may_be_done = may_be_done
                raise
            tried += 1

    async def get(self, table: str, key: Item) -> Item | None:
        """The item with this key as it is now."""
        request = {"TableName": table, "Key": key, "ConsistentRead": True}
        item: Item | None = (await self.call("GetItem", request)).get("Item")
        return item

    async def get_all(self, table: str, keys: Sequence[Item]) -> list[Item | None]:
        """The items with these keys as they are now, in the same order; no key stands twice."""
        found: list[Item] = []
        give_up_at = time.monotonic() + self.patience_seconds
        for start in range(0, len(keys), MOST_KEYS_READ):
            part: Sequence[Item] = keys[start : start + MOST_KEYS_READ]
            for tried in itertools.count():
                wanted = {"Keys": part, "ConsistentRead": True}
                answer = await self.call("BatchGetItem", {"RequestItems": {table: wanted}})
                found += answer["Responses"].get(table, ())
                # What one answer could not hold, or the table could not give in time.
                part = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", ())
                if not part:
                    break
                await _pause(tried, give_up_at, "BatchGetItem left keys out")
        names = list(keys[0]) if keys else []
        by_key = {_identity(item, names): item for item in found}
        return [by_key.get(_identity(key, names)) for key in keys]

    async def query(
        self, table: str, request: Mapping[str, object], *, limit: int | None = None
    ) -> list[Item]:
        """The items of a partition that a query finds, at most `limit`, over all its pages."""
        return await self._pages("Query", {"TableName": table, **request}, limit)

    async def scan(self, table: str, request: Mapping[str, object]) -> list[Item]:
        """The items of a whole table that a scan finds, over all its pages."""
        return await self._pages("Scan", {"TableName": table, **request}, None)

    async def transact(self, actions: Sequence[Mapping[str, object]]) -> None:
        """Carry out all of `actions`, or none.

        Raises:
            TransactionRefused: a condition did not hold.
        """
        token = str(uuid.uuid4())
        request = {"TransactItems": list(actions), "ClientRequestToken": token}
        await self.call("TransactWriteItems", request)

    async def delete_all(self, table: str, keys: Sequence[Item]) -> None:
        """Delete the items with these keys; those that are not there are no error."""
        give_up_at = time.monotonic() + self.patience_seconds
        for start in range(0, len(keys), MOST_KEYS_DELETED):
            part = [
                {"DeleteRequest": {"Key": key}} for key in keys[start : start + MOST_KEYS_DELETED]
            ]
            for tried in itertools.count():
                answer = await self.call("BatchWriteItem", {"RequestItems": {table: part}})
                part = answer.get("UnprocessedItems", {}).get(table, [])
                if not part:
                    break
                await _pause(tried, give_up_at, "BatchWriteItem left keys out", may_be_done=True)

    async def _pages(
        self, operation: str, request: dict[str, object], limit: int | None
    ) -> list[Item]:
        items: list[Item] = []
        while True:
            if limit is not None:
                request["Limit"] = limit - len(items)
            answer = await self.call(operation, request)
            items += answer["Items"]
            last = answer.get("LastEvaluatedKey")
            if not last or (limit is not None and len(items) >= limit):
                return items
            request["ExclusiveStartKey"] = last

    async def _attempt(self, operation: str, body: bytes) -> dict[str, Any]:
        began, outcome = time.perf_counter(), "ok"
        try:
            return await self._send(operation, body)
        except (ConditionFailed, TransactionRefused):
            outcome = "refused"
            raise
        except _Passing as passing:
            outcome = "throttled" if passing.is_throttling else "failed"
            raise
        except Overloaded:
            outcome = "failed"
            raise
        finally:
            self.counts.count(operation, outcome, time.perf_counter() - began)

    async def _send(self, operation: str, body: bytes) -> dict[str, Any]:
        url = f"{self.endpoint}/"
        headers = sign(
            "POST",
            url,
            headers={
                "content-type": "application/x-amz-json-1.0",
                "x-amz-target": f"DynamoDB_20120810.{operation}",
            },
            body=body,
            credentials=await self.credentials.current(),
            target=Target(self.region, "dynamodb"),
            now=self.clock(),
        )
        try:
            response = await self.http.send("POST", url, headers=headers, body=body)
        except HttpError as error:
            may_be_done = not isinstance(error, HttpUnreachable)
            raise _Passing(str(error), may_be_done=may_be_done) from error
        if response.status == 200:
            answer: dict[str, Any] = msgspec.json.decode(response.body)
            return answer
        raise _failure(operation, response.status, response.body)


_REFUSALS: Mapping[str, Callable[[], Exception]] = {
    "ConditionalCheckFailedException": ConditionFailed,
    "ResourceInUseException": TableExists,
    "ResourceNotFoundException": TableMissing,
}


async def _pause(tried: int, give_up_at: float, reason: str, *, may_be_done: bool = False) -> None:
    """Wait before another try, longer each time.

    Raises:
        Overloaded: there is no time for another one.
    """
    # Half of it is chance, so that those who met once do not meet again.
    longest = min(FIRST_PAUSE_SECONDS * 2.0**tried, LONGEST_PAUSE_SECONDS)
    seconds = longest * random.uniform(0.5, 1)  # noqa: S311 - no secret
    if time.monotonic() + seconds > give_up_at:
        _log.warning("DynamoDB was asked %d times; %s", tried + 1, reason)
        raise Overloaded(
            "The database did not answer in time; try again.",
            retry_after_seconds=1,
            may_be_done=may_be_done,
        )
    await asyncio.sleep(seconds)


def _identity(item: Item, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(value for name in names for value in item[name].values())


def _failure(operation: str, status: int, body: bytes) -> Exception:
    """What an answer that is no success means to a caller."""
    try:
        said = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        said = {}
    kind = str(said.get("__type", "")).rpartition("#")[2]
    if kind == "TransactionCanceledException":
        return _cancelled(said.get("CancellationReasons") or ())
    if refusal := _REFUSALS.get(kind):
        return refusal()
    if status >= 500 or kind in _PASSING:
        return _Passing(f"{status} {kind}", may_be_done=kind not in _REFUSED)
    _log.error("DynamoDB refused %s: %d %s", operation, status, said)
    if kind in _CREDENTIALS:
        return Overloaded(
            "The database refuses the AWS credentials; check them, their rights and the clock."
        )
    return Overloaded("The database refused a request; see the log of the server.")


def _cancelled(reasons: Sequence[Mapping[str, Any]]) -> Exception:
    codes = [str(reason.get("Code", "None")) for reason in reasons]
    failed = frozenset(_places(codes, "ConditionalCheckFailed"))
    if failed:
        return TransactionRefused(failed)
    if codes and all(code == "None" or code in _PASSING for code in codes):
        return _Passing(", ".join(sorted(set(codes))))
    _log.error("DynamoDB cancelled a transaction: %s", reasons)
    return Overloaded("The database refused a transaction; see the log of the server.")


def _places(codes: Sequence[str], code: str) -> Iterator[int]:
    return (place for place, each in enumerate(codes) if each == code)
