"""Which versions a merge starts from (B1, B5)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlv_core.ids import ChangesetNumber
from mlv_server.domain.merge_bases import is_merged, merge_bases

N = ChangesetNumber
Graph = dict[int, tuple[int, ...]]


def bases(graph: Graph, first: int, second: int) -> tuple[int, ...]:
    asked: list[int] = []

    def load(high: ChangesetNumber) -> dict[ChangesetNumber, tuple[ChangesetNumber, ...]]:
        asked.append(high)
        return {N(n): tuple(map(N, graph[n])) for n in graph if high - 3 < n <= high}

    found = merge_bases(N(first), N(second), load)
    assert len(asked) == len(set(asked))
    return tuple(map(int, found))


def test_B1_the_fork_is_the_base() -> None:
    graph = {1: (), 2: (1,), 3: (2,), 4: (2,), 5: (3,)}
    assert bases(graph, 5, 4) == (2,)
    assert bases(graph, 5, 3) == (3,)
    assert bases(graph, 5, 5) == (5,)


def test_B5_a_repeated_merge_starts_at_the_last_one() -> None:
    # 4 merges 3 into the line of 2; then both go on.
    graph = {1: (), 2: (1,), 3: (1,), 4: (2, 3), 5: (3,), 6: (4,)}
    assert bases(graph, 6, 5) == (3,)


def test_B5_criss_cross_has_two_bases() -> None:
    graph = {1: (), 2: (1,), 3: (1,), 4: (2, 3), 5: (3, 2), 6: (4,), 7: (5,)}
    assert bases(graph, 6, 7) == (3, 2)


def test_B1_without_anything_in_common_the_empty_version_is_the_base() -> None:
    assert bases({1: (), 2: ()}, 1, 2) == (0,)
    assert bases({1: ()}, 1, 0) == (0,)


def test_B5_what_is_merged_is_known() -> None:
    assert is_merged(N(3), N(6), (N(3),))
    assert is_merged(N(3), N(3), (N(3),))
    assert not is_merged(N(5), N(6), (N(3),))


def ancestors(graph: Graph, number: int) -> set[int]:
    found, waiting = {number}, [number]
    while waiting:
        for parent in graph.get(waiting.pop(), ()):
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    size = draw(st.integers(1, 12))
    return {
        n: tuple(draw(st.lists(st.integers(max(1, n - 4), n - 1), max_size=2, unique=True))) if n > 1 else ()
        for n in range(1, size + 1)
    }


@given(graphs(), st.data())
def test_B1_as_the_definition_says(graph: Graph, data: st.DataObject) -> None:
    first, second = (data.draw(st.sampled_from(sorted(graph))) for _ in range(2))
    common = ancestors(graph, first) & ancestors(graph, second)
    best = {n for n in common if not any(n in ancestors(graph, other) for other in common - {n})}
    assert set(bases(graph, first, second)) == (best or {0})
