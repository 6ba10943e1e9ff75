"""Standard streams as scripts and daemons leave them: closed, full, or read by nobody any more."""

from __future__ import annotations

import re
import select
import subprocess
import sys

import pytest


@pytest.fixture
def typed(desk):
    """What a shell makes of `mlv ARGUMENTS`, in a process of its own: its exit code, output and errors."""
    desk.track({"train.py": b"print()\n"})
    for number in range(2000):
        desk.write(f"{'long' * 10}-{number:04}.txt", b"")

    def run(line: str) -> subprocess.CompletedProcess[str]:
        command = re.sub(r"\bmlv ", f"{sys.executable} -m mlv.cli.entry ", line)
        shell = ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"]
        return subprocess.run(shell, cwd=desk.root, capture_output=True, text=True, timeout=60, check=False)

    return run


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_failure(typed, closed):
    """They were a traceback; and a file that is opened later would have got their number."""
    found = typed(f"mlv status --json {closed}")
    assert (found.returncode, found.stderr) == (0, "")
    assert typed(f"mlv status nope {closed}").returncode == 9


def test_a_pipe_that_nobody_reads_ends_a_command_as_other_tools_end(typed):
    """It was exit code 1, which means a bug."""
    found = typed("mlv status | head -1")
    assert (found.returncode, found.stderr) == (141, "")
    assert found.stdout == "fraud/detector main @1\n"


@pytest.mark.parametrize("verb", ["status", "status --json"])
def test_a_full_disk_behind_the_output_is_told(typed, verb):
    found = typed(f"mlv {verb} > /dev/full")
    assert found.returncode == 8
    assert "No space left on device." in found.stderr
    assert "Traceback" not in found.stderr


def test_N3_output_is_never_cut_short_without_an_error(typed, desk):
    """With PYTHONUNBUFFERED, as containers set it, what a write of the system did not take was lost, exit code 0."""
    found = typed("ulimit -f 64; PYTHONUNBUFFERED=1 mlv status > .mlv/out")
    assert (desk.root / ".mlv/out").stat().st_size == 64 << 10
    assert (found.returncode, "File too large" in found.stderr) == (8, True)


@pytest.mark.parametrize("verb", [("watch", "--after", "0"), ("locks", "--follow"), ("locks", "--follow", "--json")])
def test_who_waits_for_more_to_print_ends_with_its_reader(team, pair, verb):
    """`mlv watch | head -2` stayed until something else happened, which may be next week."""
    first, _ = pair
    waiting = team.admin.popen(*verb, cwd=first.here)
    try:
        assert waiting.stdout.readline()
        waiting.stdout.close()
        assert waiting.wait(60) == 141
        assert waiting.stderr.read() == ""
    finally:
        waiting.kill()
        waiting.wait()
        waiting.stderr.close()


def test_what_waits_for_more_to_print_goes_on_while_it_is_read(team, pair):
    first, _ = pair
    with team.admin.popen("watch", cwd=first.here) as waiting:
        try:
            first.mlv("branch", "warm-up")
            number = 0
            while not select.select([waiting.stdout], [], [], 0.2)[0]:
                number += 1
                first.mlv("branch", f"b{number}")
            assert "branch.created" in waiting.stdout.readline()
            waiting.stdout.close()
            assert waiting.wait(60) == 141
        finally:
            waiting.kill()
