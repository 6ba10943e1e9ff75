"""Points that die at a chosen passing, and a harness that is asked at each."""

from __future__ import annotations

import pytest

from mlv_core.errors import InvalidSettings
from mlv_core.failpoints import arm, arm_every, failpoint

POINT, OTHER = "publish.written", "publish.committed"


@pytest.fixture(autouse=True)
def disarmed():
    yield
    arm("", print, print)


def test_a_point_acts_at_each_passing_or_at_the_one_named():
    left: list[int] = []
    arm(f"{POINT}=exit,{OTHER}=exit@3", left.append, print)
    failpoint(POINT)
    failpoint(POINT)
    assert len(left) == 2
    for passed in range(1, 6):
        failpoint(OTHER)
        assert len(left) == 2 + (passed >= 3)


def test_a_harness_is_asked_at_every_point():
    passed: list[str] = []
    arm_every(passed.append)
    failpoint(POINT)
    failpoint(OTHER)
    assert passed == [POINT, OTHER]


@pytest.mark.parametrize(
    "text", ["no.such=exit", f"{POINT}=burn", f"{POINT}=exit@0", f"{POINT}=exit@x", f"{POINT}=exit@"]
)
def test_what_is_no_point_act_or_passing_is_refused(text):
    with pytest.raises(InvalidSettings):
        arm(text, print, print)
