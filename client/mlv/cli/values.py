"""Values as scripts read them: one function a noun, stable field names."""

from __future__ import annotations

import math

from mlv.cli.output import moment
from mlv_core.entities import (
    Branch,
    Change,
    Changeset,
    DatasetReference,
    Label,
    Lock,
    Metric,
    Operation,
    Records,
    Repository,
    Rule,
    TokenInfo,
    User,
)
from mlv_core.noticing import Notice, NoticeKind, line_of

_STATES = {
    Operation.ADD: "added",
    Operation.MODIFY: "modified",
    Operation.DELETE: "deleted",
    Operation.MOVE: "moved",
    Operation.META: "meta",
}


def number(value: float) -> float | str:
    """A number as JSON can hold it: NaN and infinities as text (R3)."""
    return value if math.isfinite(value) else str(value)


def notice_value(notice: Notice) -> dict[str, object]:
    """A notice on standard error; `event` is null for what is no event: a lease that ends soon."""
    return {
        "kind": notice.kind.value,
        "message": line_of(notice),
        "path": notice.path or None,
        "folder": notice.folder or None,
        "branch": notice.branch,
        "by": notice.by or None,
        "reason": notice.reason,
        "until": moment(notice.until or None),
        "time": moment(notice.time),
        "event": None if notice.kind is NoticeKind.LOCK_ENDS_SOON else notice.sequence,
    }


def prepared_on(changeset: Changeset) -> int | str:
    """What a commit was prepared on: one changeset, or 'mixed (min..max)' (C4)."""
    low, high = int(changeset.prepared_min), int(changeset.prepared_max)
    return low if low == high else f"mixed ({low}..{high})"


def changeset_value(changeset: Changeset) -> dict[str, object]:
    """A changeset of `log`."""
    records = changeset.records
    return {
        "changeset": int(changeset.number),
        "parents": [int(parent) for parent in changeset.parents],
        "prepared_on": prepared_on(changeset),
        "measured_elsewhere": changeset.measured_elsewhere,
        "branch": changeset.branch,
        "author": changeset.author,
        "time": moment(changeset.time),
        "message": changeset.message,
        "params": {param.name: param.value for param in records.params},
        "metrics": {metric.name: number(metric.value) for metric in records.metrics},
        "labels": list(changeset.labels),
        "files": changeset.files_changed,
        "id": changeset.id.hex(),
    }


def records_value(records: Records) -> dict[str, object]:
    """Everything recorded, with origins."""
    env = records.environment
    return {
        "params": [{"name": p.name, "value": p.value, "origin": p.origin} for p in records.params],
        "metrics": [metric_value(metric) for metric in records.metrics],
        "inputs": [{"role": i.role.name.lower(), **dataset_value(i.dataset)} for i in records.inputs],
        "trained_from": None if records.trained_from is None else int(records.trained_from),
        "environment": {"facts": dict(env.facts), "packages": dict(env.packages), "origin": env.origin},
        "run": records.run_id or None,
    }


def metric_value(metric: Metric) -> dict[str, object]:
    """A metric with its data set."""
    return {
        "name": metric.name,
        "value": number(metric.value),
        "kind": metric.kind.name.lower(),
        "dataset": None if metric.dataset is None else dataset_value(metric.dataset),
        "step": None if metric.step < 0 else metric.step,
        "time": moment(metric.time or None),
        "context": dict(metric.context),
        "origin": metric.origin,
    }


def dataset_value(dataset: DatasetReference) -> dict[str, object]:
    """An exact version of a data file."""
    return {
        "repository": dataset.repository,
        "changeset": int(dataset.changeset),
        "path": dataset.path,
        "digest": dataset.digest.hex(),
    }


def change_value(change: Change) -> dict[str, object]:
    """A row of a change list."""
    state = change.state
    return {
        "path": change.path,
        "state": _STATES[change.operation],
        "file_id": int(change.file_id),
        "source": change.source or None,
        "size": None if state is None else state.size,
        "content": None if state is None else bytes(state.content).hex(),
        "mode": None if state is None else state.mode.name.lower(),
        "properties": {} if state is None else dict(state.properties),
    }


def state_of(change: Change) -> str:
    """What a change did, as a word."""
    return _STATES[change.operation]


def lock_value(lock: Lock) -> dict[str, object]:
    """A lock."""
    return {
        "path": lock.path,
        "owner": lock.owner,
        "workspace": str(lock.workspace),
        "host": lock.host,
        "mode": lock.mode.name.lower(),
        "scope": scope_word(lock),
        "branch": lock.branch,
        "base": int(lock.base),
        "reason": lock.reason,
        "acquired_at": moment(lock.acquired_at),
        "lease_until": moment(lock.lease_until),
        "lease_limit": moment(lock.limit),
        "ttl_seconds": lock.ttl // 1000,
        "fencing_token": int(lock.token),
        "tree": lock.tree,
    }


def scope_word(lock: Lock) -> str:
    """How far a lock reaches, as `--scope` says it."""
    return {"REPOSITORY": "repo"}.get(lock.scope.name, lock.scope.name.lower())


def repository_value(repository: Repository, *, sizes: bool) -> dict[str, object]:
    """A repository; `sizes` where the server was asked for them."""
    value: dict[str, object] = {
        "name": str(repository.name),
        "description": repository.description,
        "created_at": moment(repository.created_at),
        "created_by": repository.created_by,
        "changesets": repository.changesets,
    }
    if sizes:
        value["stored_bytes"] = repository.stored_bytes
        value["cache_bytes"] = repository.cache_bytes
        value["raw_bytes"] = repository.raw_bytes
    return value


def branch_value(branch: Branch) -> dict[str, object]:
    """A branch."""
    return {
        "name": branch.name,
        "kind": branch.kind.name.lower(),
        "target": branch.target or None,
        "head": int(branch.head),
        "origin": int(branch.origin),
        "by": branch.created_by,
        "time": moment(branch.created_at),
        "abandoned": None
        if branch.abandoned_at is None
        else {"by": branch.abandoned_by, "time": moment(branch.abandoned_at), "why": branch.abandoned_why},
    }


def label_value(label: Label) -> dict[str, object]:
    """A label."""
    return {
        "name": label.name,
        "changeset": int(label.changeset),
        "by": label.by,
        "time": moment(label.time),
        "message": label.message,
        "moves": label.moves,
    }


def user_value(user: User) -> dict[str, object]:
    """A user."""
    return {
        "name": user.name,
        "server_admin": user.server_admin,
        "disabled": user.disabled,
        "service": user.service,
        "owner": user.owner or None,
        "created_at": moment(user.created_at),
        "created_by": user.created_by,
    }


def token_value(info: TokenInfo) -> dict[str, object]:
    """A token without its secret."""
    return {
        "id": info.id,
        "user": info.user,
        "description": info.description,
        "service": info.service,
        "scope": list(info.scope),
        "networks": list(info.networks),
        "repositories": list(info.repositories),
        "created_at": moment(info.created_at),
        "expires_at": moment(info.expires_at),
        "last_used_at": moment(info.last_used_at),
        "last_used_from": info.last_used_from or None,
        "revoked": info.revoked,
    }


def rule_value(rule: Rule) -> dict[str, object]:
    """A rule of the policy."""
    return {
        "id": rule.id,
        "effect": rule.effect.name.lower(),
        "subject_kind": rule.subject_kind.name.lower(),
        "subject": rule.subject,
        "role": rule.role or None,
        "actions": list(rule.actions),
        "repository": rule.repository,
        "ref": rule.ref,
        "path": rule.path,
        "conditions": dict(rule.conditions),
        "expires_at": moment(rule.expires_at),
        "created_by": rule.created_by,
        "created_at": moment(rule.created_at),
    }
