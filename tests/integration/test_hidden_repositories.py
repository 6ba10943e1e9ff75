"""P4, N6: whoever may not list a repository is told the same of it, by every method, as of one that is not there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from google.protobuf import message_factory
from tests.servers import Team, running_team
from tests.wire import METHODS, Reply, Wire, wire

from mlv_proto.v1 import content_pb2

HIDDEN, ABSENT, OWN = "fraud/closed", "fraud/nobody", "fraud/open"
NAMING = sorted(
    name
    for name, method in METHODS.items()
    if method.client_streaming or "repository" in method.input_type.fields_by_name
)
"""Every method whose request names a repository."""
FIELDS = {
    "branch": "main", "name": "v1", "at": "@1", "revision": "@1", "changeset": 1, "to": 1, "target": 1, "base": 1,
    "role": "reader", "user": "stranger", "id": "w", "workspace": "w", "request_id": "r", "page_size": 10,
    "paths": ["a.txt"],
}  # fmt: skip
"""What a well-formed request would say, where a method has such a field."""


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with running_team(tmp_path_factory.mktemp("team")) as made:
        for name in (HIDDEN, OWN):
            made.admin.mlv("repo", "create", name)
        folder = made.admin.home / "closed"
        made.admin.mlv("checkout", HIDDEN, str(folder))
        (folder / "a.txt").write_text("secret\n")
        made.admin.mlv("add", ".", cwd=folder)
        made.admin.mlv("commit", "-m", "one", cwd=folder)
        made.admin.mlv("label", "v1", "@1", "-m", "first", cwd=folder)
        yield made


@pytest.fixture(scope="module")
def strangers(team: Team, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Wire]]:
    """One who may do nothing at all, and one who may do everything elsewhere."""
    people = [team.member("stranger"), team.member("neighbour", admin=OWN.replace("/", "__"))]
    with wire(people[0]) as first, wire(people[1]) as second:
        yield [first, second]


def ask(line: Wire, method: str, repository: str, *, filled: bool) -> Reply:
    """What the method says when it is asked about `repository`; its name is taken out of the answer."""
    descriptor = METHODS[method]
    if "repository" not in descriptor.input_type.fields_by_name:
        chunk = content_pb2.Chunk(data=b"MLVP" + bytes(100)).SerializeToString()
        reply = line.send(method, chunk, (("mlv-repository", repository),))
    else:
        fields = descriptor.input_type.fields_by_name
        values = {name: value for name, value in FIELDS.items() if filled and name in fields}
        values = {n: v for n, v in values.items() if isinstance(v, list) == fields[n].is_repeated}
        request = message_factory.GetMessageClass(descriptor.input_type)()
        request.repository = repository
        for name, value in values.items():
            if isinstance(value, list):
                getattr(request, name).extend(value)
            elif (fields[name].type == fields[name].TYPE_STRING) == isinstance(value, str):
                setattr(request, name, value)
        reply = line.send(method, request.SerializeToString())
    return replace(
        reply,
        message=reply.message.replace(repository, "REPO"),
        advice=reply.advice.replace(repository, "REPO"),
        items=tuple(item.replace(repository, "REPO") for item in reply.items),
    )


@pytest.mark.parametrize("method", NAMING)
@pytest.mark.parametrize("filled", [False, True])
def test_P4_N6_a_hidden_repository_answers_as_an_absent_one(strangers: list[Wire], method: str, filled: bool) -> None:
    for line in strangers:
        hidden = ask(line, method, HIDDEN, filled=filled)
        assert hidden == ask(line, method, ABSENT, filled=filled)
        assert hidden.code in ({"DENIED"} if method.endswith("CreateRepository") else {"NOT_FOUND"})


def test_P4_a_name_in_other_letters_is_as_absent(strangers: list[Wire]) -> None:
    for line in strangers:
        reply = ask(line, "mlv.v1.RepositoriesService.GetRepository", HIDDEN.upper(), filled=False)
        assert reply.message == "There is no repository 'REPO'."


def test_P4_what_is_hidden_is_in_no_list(strangers: list[Wire]) -> None:
    listing = "mlv.v1.RepositoriesService.ListRepositories"
    (first,), (second,) = (line.send(listing, b"").answers for line in strangers)
    assert [one.name for one in first.repositories] == []
    assert [one.name for one in second.repositories] == [OWN]
