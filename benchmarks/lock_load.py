"""One process of callers that take and give up locks over gRPC and TLS: `python -m benchmarks.lock_load < SPEC`.

Each caller signs in with a token, waits for each answer, and checks it. Figures go to standard output as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import grpc

from mlv_proto.v1 import locks_pb2 as pb
from mlv_proto.v1 import values_pb2

CALL_SECONDS = 60.0
CALLERS_A_CHANNEL = 8
"""Real callers have a connection each; the generator shares some, so that it leaves the machine to the server."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """When each answer came, in seconds since the same moment for all callers, and how long each call took."""

    ended: list[float]
    took: list[float]


class Caller:
    """Someone with a token, a workspace and a file of their own."""

    def __init__(self, spec: dict[str, Any], caller: dict[str, Any], channel: grpc.aio.Channel) -> None:
        self._metadata = (("mlv-client-version", "0"), ("authorization", f"Bearer {caller['token']}"))
        where = {"repository": spec["repository"], "branch": "main", "workspace": caller["workspace"]}
        self._acquire = pb.AcquireLocksRequest(
            **where,
            mode=values_pb2.LOCK_MODE_EXCLUSIVE,
            paths=[caller["path"]],
            hashes=bytes.fromhex(caller["hash"]),
            bases=[caller["base"]],
        ).SerializeToString()
        self._release = pb.ReleaseLocksRequest(**where, paths=[caller["path"]]).SerializeToString()
        self._calls: tuple[Any, Any] = (
            channel.unary_unary("/mlv.v1.LocksService/AcquireLocks", None, pb.AcquireLocksResponse.FromString),
            channel.unary_unary("/mlv.v1.LocksService/ReleaseLocks", None, pb.ReleaseLocksResponse.FromString),
        )
        self._tokens = [0]

    async def work(self, until: float, outcome: Outcome) -> None:
        """Take and give up the lock until the time `until`. Raises ValueError for an answer that cannot be."""
        while time.perf_counter() < until:
            taken = await self._call(0, self._acquire, outcome)
            self._tokens.append(taken.locks[0].token)
            released = await self._call(1, self._release, outcome)
            if released.released[0].token != self._tokens[-1]:
                raise ValueError("another lock was given up than was taken")
        if any(later <= earlier for earlier, later in pairwise(self._tokens)):
            raise ValueError("fencing tokens did not grow")

    async def _call(self, kind: int, request: bytes, outcome: Outcome) -> Any:  # noqa: ANN401 - either response
        metadata = (*self._metadata, ("mlv-request-id", str(uuid.uuid4())))
        started = time.perf_counter()
        answer = await self._calls[kind](request, timeout=CALL_SECONDS, metadata=metadata)
        ended = time.perf_counter()
        outcome.ended.append(ended)
        outcome.took.append(ended - started)
        return answer


async def load(spec: dict[str, Any]) -> dict[str, Any]:
    """Run all callers of `spec` for its seconds; figures of what came after its first seconds."""
    credentials = grpc.ssl_channel_credentials(spec["authority"].encode())
    callers: list[dict[str, Any]] = spec["callers"]
    # Equal options would share one connection.
    channels = [
        grpc.aio.secure_channel(spec["target"], credentials, (("grpc.channel_id", number),))
        for number in range(-(-len(callers) // CALLERS_A_CHANNEL))
    ]
    outcome = Outcome([], [])
    begun = time.perf_counter()
    until = begun + spec["warm_seconds"] + spec["seconds"]
    work = [Caller(spec, one, channels[at // CALLERS_A_CHANNEL]).work(until, outcome) for at, one in enumerate(callers)]
    await asyncio.gather(*work)
    for channel in channels:
        await channel.close()
    first = begun + spec["warm_seconds"]
    counted = sorted(took for ended, took in zip(outcome.ended, outcome.took, strict=True) if first <= ended < until)
    return {
        "transactions": len(counted),
        "all_transactions": len(outcome.ended),
        "median_ms": 1000 * counted[len(counted) // 2],
        "slowest_percent_ms": 1000 * counted[int(len(counted) * 0.99)],
        "cpu_seconds": time.process_time(),
    }


def main() -> int:
    """Read the specification, load the server, print the figures."""
    spec = json.load(sys.stdin)
    try:
        import uvloop
    except ImportError:
        print(json.dumps(asyncio.run(load(spec))))
    else:
        print(json.dumps(uvloop.run(load(spec))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
