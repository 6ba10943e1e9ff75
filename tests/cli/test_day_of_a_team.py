"""The page about a day of a team says what is answered: every command of it is typed on a real server."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.transcript import Stage, alike, play
from tests.servers import running_team

PAGE = Path(__file__).parents[2] / "docs/a-day-of-a-team.md"


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_day_of_a_team_is_as_the_page_says(tmp_path: Path):
    with running_team(tmp_path, clock=True) as team:
        _, pairs = play(PAGE.read_text(encoding="utf-8"), Stage(team, tmp_path))
    assert len(pairs) > 50
    for written, played in pairs:
        assert alike(str(played)) == alike(str(written))
