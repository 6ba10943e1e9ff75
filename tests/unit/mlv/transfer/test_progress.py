"""Long steps show how far they are: a bar on a terminal, plain lines elsewhere, nothing when asked to be quiet."""

from __future__ import annotations

import io

import pytest

from mlv.transfer import progress
from mlv.transfer.progress import Bar, Lines, progress_for
from mlv.transfer.types import Silent


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_stream_decides():
    assert isinstance(progress_for(Terminal(), quiet=False), Bar)
    assert isinstance(progress_for(io.StringIO(), quiet=False), Lines)
    assert isinstance(progress_for(Terminal(), quiet=True), Silent)


def test_a_bar_shows_label_and_bytes():
    stream = Terminal()
    bar = Bar(stream)
    bar.start(100 << 20, "sending")
    bar.advance(50 << 20)
    bar.finish()
    assert "sending" in stream.getvalue()
    assert "105M" in stream.getvalue()


def test_a_short_step_shows_no_bar():
    stream = Terminal()
    bar = Bar(stream)
    bar.start(1000, "sending")
    bar.advance(1000)
    bar.finish()
    assert stream.getvalue() == ""


def test_lines_come_at_most_now_and_then(monkeypatch: pytest.MonkeyPatch):
    stream = io.StringIO()
    lines = Lines(stream)
    lines.start(10_000_000, "receiving")
    lines.advance(1_000_000)
    assert stream.getvalue() == ""
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    lines.advance(4_000_000)
    assert stream.getvalue() == "receiving: 5.0 MB (50 %)\n"
    lines.finish()
