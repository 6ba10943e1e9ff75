"""Which paths of a version the user's arguments cover."""

import pytest

from mlv.workspace.layout import FEW_ROOTS, under

FEW = ("a", "b/c")
MANY = (*FEW, *(f"other/{number}" for number in range(FEW_ROOTS)))


@pytest.mark.parametrize("roots", [FEW, MANY])
def test_a_path_is_covered_by_itself_and_by_folders_above_it(roots: tuple[str, ...]):
    covered = {path: under(path, roots) for path in ("a", "a/x/y", "b/c", "b/c/d", "b", "b/cd", "ab", "x/a", "")}
    assert covered == {
        "a": True, "a/x/y": True, "b/c": True, "b/c/d": True,
        "b": False, "b/cd": False, "ab": False, "x/a": False, "": False,
    }  # fmt: skip


@pytest.mark.parametrize("roots", [("", "a"), ("", *MANY)])
def test_the_whole_workspace_covers_every_path(roots: tuple[str, ...]):
    assert under("z/y", roots)
    assert under("", roots)
