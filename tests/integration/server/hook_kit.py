"""A house whose server may call a receiver on the loopback, with clock and chance in the hands of the tests."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from tests.integration.server.conftest import DETECTOR, House
from tests.receivers import SECRET, Receiver

from mlv_core.hooks import Delivery, NewWebhook, Webhook
from mlv_core.ids import RepositoryName
from mlv_server.outgoing.caller import Caller
from mlv_server.services import branches, webhooks
from mlv_server.services.deliveries import Deliveries

CHANCE = 0.5


@dataclass
class Post:
    """Webhooks of a house, served when told to. `start`: how many events there were before the test's own."""

    house: House
    start: int = 0

    @classmethod
    def of(cls, house: House, receiver: Receiver) -> Post:
        """Let the house call the receiver."""
        house.settings = replace(house.settings, outgoing_allow=("127.0.0.0/8",), outgoing_authority=receiver.authority)
        house.outgoing.close()
        house.outgoing = Caller(house.settings)
        return cls(house, house.db.read_now(lambda tx: tx.events.last(1)))

    def add(self, url: str, user: str = "root", name: RepositoryName = DETECTOR, **more) -> Webhook:
        asked = NewWebhook(str(name), url, **{"secret": SECRET, **more})
        return self.house.run(webhooks.add(self.house.call(user), asked, dry_run=False))[0]

    def sweep(self) -> None:
        """Send all that is due at the house's time, as a server that was just started would."""
        house = self.house
        house.run(Deliveries(house.db, house.outgoing, lambda: house.now, lambda: CHANCE).sweep())

    def happen(self, *names: str) -> None:
        """One event each: a new branch."""
        for name in names:
            self.house.run(branches.create(self.house.call("root"), DETECTOR, name, None, "", "", False))

    def told(self, receiver: Receiver, hook: Webhook | None = None) -> list[int]:
        """The numbers of the events that came (to one webhook), counted from `start`; 0 is a test."""
        said = [one.json for one in receiver.got if hook is None or one.json["webhook"] == hook.id]
        return [one["sequence"] and one["sequence"] - self.start for one in said]

    def branches(self, receiver: Receiver, hook: Webhook) -> list[str]:
        """The names of the new branches that a webhook was told of."""
        said = [one.json for one in receiver.got if one.json["webhook"] == hook.id]
        return [one["facts"]["branch"] for one in said if one["kind"] == "branch.created"]

    def look(self, hook: Webhook) -> Webhook:
        """The webhook as it stands."""
        found = self.house.run(webhooks.list_all(self.house.call("root"), DETECTOR))
        return next(one for one in found if one.id == hook.id)

    def audit(self, action: str = "") -> list[dict[str, Any]]:
        """The repository's audit entries, of one action or of all."""
        rows = self.house.db.read_now(lambda tx: [row.record for row in tx.audit.rows(1)])
        return [entry for entry in map(json.loads, rows) if action in {"", entry["action"]}]

    def deliveries(self, hook: Webhook) -> tuple[Delivery, ...]:
        return self.house.run(webhooks.deliveries(self.house.call("root"), DETECTOR, hook.id))
