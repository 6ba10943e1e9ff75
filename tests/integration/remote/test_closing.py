"""How a connection is closed after an interrupt."""

from __future__ import annotations

import threading

from mlv.remote.channel import Channel
from mlv_core.ids import RemoteAddress


def test_a_call_that_an_interrupt_left_behind_does_not_hold_the_close_up(monkeypatch):
    # Ctrl-C while gRPC began a call: its own close then waited for that call without end.
    client = Channel(RemoteAddress.parse("mlv+plain://127.0.0.1:1").server, None, None)
    begun, release = threading.Event(), threading.Event()

    def waits_for_a_lost_call() -> None:
        begun.set()
        release.wait()

    inner = client._channel.close
    monkeypatch.setattr(client._channel, "close", waits_for_a_lost_call)
    client.close()
    assert begun.is_set()
    assert not release.is_set()
    release.set()
    inner()
