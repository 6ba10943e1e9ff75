"""How failed sign-ins are slowed: by where they come from and by which token they try; a good token never is."""

from __future__ import annotations

from collections import OrderedDict

FREE_ATTEMPTS = 5
"""Failures that cost nothing: a script with an old token, a person who pastes the wrong one."""
LONGEST_SECONDS = 4.0
"""The longest wait before a refusal: shorter than the deadlines of clients."""
FIRST_SECONDS = 0.25
FORGOTTEN_MS = 600_000
"""After so long without a failure all is forgotten."""
KEPT = 10_000
"""Addresses and tokens that are remembered, about 2 MB; beyond, the one that failed longest ago is forgotten."""


class Attempts:
    """Failures of the last minutes, by address and by token."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()

    def failed(self, network: str, token_id: str, now: int) -> float:
        """Note a failure at `now` (ms); for how many seconds its answer is to wait."""
        counts = [self._count(("network", network), now)]
        if token_id:
            counts.append(self._count(("token", token_id), now))
        beyond = max(counts) - FREE_ATTEMPTS
        return 0.0 if beyond <= 0 else float(min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(beyond - 1, 16)))

    def __len__(self) -> int:
        return len(self._failures)

    def _count(self, key: tuple[str, str], now: int) -> int:
        last, count = self._failures.pop(key, (now, 0))
        count = 1 if now - last > FORGOTTEN_MS else count + 1
        self._failures[key] = (now, count)
        while len(self._failures) > KEPT:
            self._failures.popitem(last=False)
        return count
