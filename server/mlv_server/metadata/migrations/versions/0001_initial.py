"""The whole schema of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:  # noqa: PLR0915 - one statement a table
    op.create_table(
        "audit",
        sa.Column("chain", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("previous", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("chain", "sequence", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_time"), "audit", ["time"], unique=False)
    op.create_table(
        "contents",
        sa.Column("domain_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("recipe", sa.LargeBinary(length=32), nullable=True),
        sa.PrimaryKeyConstraint("domain_id", "hash", name=op.f("pk_contents")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "domains",
        sa.Column("id", Id, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_domains")),
    )
    op.create_table(
        "groups",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
        sa.UniqueConstraint("folded", name=op.f("uq_groups_folded")),
    )
    op.create_table(
        "packs",
        sa.Column("id", Id, nullable=False),
        sa.Column("domain_id", sa.BigInteger(), nullable=False),
        sa.Column("pack_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("frame_bytes", sa.BigInteger(), nullable=False),
        sa.Column("live_bytes", sa.BigInteger(), nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_packs")),
        sa.UniqueConstraint("domain_id", "pack_id", name=op.f("uq_packs_domain_id_pack_id")),
    )
    op.create_table(
        "policy_versions",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("added", sa.JSON(), nullable=False),
        sa.Column("removed", sa.JSON(), nullable=False),
        sa.Column("sections", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_policy_versions")),
    )
    op.create_index(
        op.f("ix_policy_versions_document_version"), "policy_versions", ["document", "version"], unique=False
    )
    op.create_table(
        "rebased",
        sa.Column("repository_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("changeset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("repository_id", name=op.f("pk_rebased")),
    )
    op.create_table(
        "rules",
        sa.Column("id", Id, nullable=False),
        sa.Column("effect", sa.Integer(), nullable=False),
        sa.Column("subject_kind", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("actions", sa.JSON(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("conditions", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "segments",
        sa.Column("domain_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("frame", Id, nullable=False),
        sa.Column("inner_offset", sa.Integer(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "hash", name=op.f("pk_segments")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sweeps",
        sa.Column("domain_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", name=op.f("pk_sweeps")),
    )
    op.create_table(
        "users",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("server_admin", sa.Boolean(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("owner_id", Id, nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_users_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("folded", name=op.f("uq_users_folded")),
    )
    op.create_table(
        "frames",
        sa.Column("id", Id, nullable=False),
        sa.Column("pack", Id, nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("header_length", sa.Integer(), nullable=False),
        sa.Column("blob_length", sa.Integer(), nullable=False),
        sa.Column("plain_length", sa.Integer(), nullable=False),
        sa.Column("codec", sa.Integer(), nullable=False),
        sa.Column("bases", sa.LargeBinary(), nullable=True),
        sa.Column("checksum", sa.LargeBinary(length=16), nullable=False),
        sa.Column("live", sa.Integer(), nullable=False),
        sa.Column("damaged", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["pack"], ["packs.id"], name=op.f("fk_frames_pack")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frames")),
        sa.UniqueConstraint("pack", "offset", name=op.f("uq_frames_pack_offset")),
    )
    op.create_table(
        "group_members",
        sa.Column("group_id", Id, autoincrement=False, nullable=False),
        sa.Column("user_id", Id, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_group_members_group_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_group_members_user_id")),
        sa.PrimaryKeyConstraint("group_id", "user_id", name=op.f("pk_group_members")),
    )
    op.create_index(op.f("ix_group_members_user_id"), "group_members", ["user_id"], unique=False)
    op.create_table(
        "repositories",
        sa.Column("id", Id, nullable=False),
        sa.Column("domain_id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("archived_at", sa.BigInteger(), nullable=True),
        sa.Column("last_branch_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["domain_id"], ["domains.id"], name=op.f("fk_repositories_domain_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repositories")),
        sa.UniqueConstraint("folded", name=op.f("uq_repositories_folded")),
    )
    op.create_index(op.f("ix_repositories_domain_id"), "repositories", ["domain_id"], unique=False)
    op.create_table(
        "requests",
        sa.Column("user_id", Id, autoincrement=False, nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_requests_user_id")),
        sa.PrimaryKeyConstraint("user_id", "request_id", name=op.f("pk_requests")),
    )
    op.create_index(op.f("ix_requests_time"), "requests", ["time"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("scope", sa.JSON(), nullable=False),
        sa.Column("networks", sa.JSON(), nullable=False),
        sa.Column("repositories", sa.JSON(), nullable=False),
        sa.Column("exchange", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_from", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_tokens_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
    )
    op.create_index(op.f("ix_tokens_user_id"), "tokens", ["user_id"], unique=False)
    op.create_table(
        "branches",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("target_id", sa.BigInteger(), nullable=True),
        sa.Column("head", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("abandoned_at", sa.BigInteger(), nullable=True),
        sa.Column("abandoned_by", sa.Text(), nullable=False),
        sa.Column("abandoned_why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id", "target_id"],
            ["branches.repository_id", "branches.id"],
            name=op.f("fk_branches_repository_id_target_id"),
        ),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_branches_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "id", name=op.f("pk_branches")),
        sa.UniqueConstraint("repository_id", "name", name=op.f("uq_branches_repository_id_name")),
    )
    op.create_table(
        "change_lists",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("changeset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("list_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_change_lists_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "changeset", "level", name=op.f("pk_change_lists")),
    )
    op.create_table(
        "environments",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_environments_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "digest", name=op.f("pk_environments")),
    )
    op.create_table(
        "events",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_events_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "sequence", name=op.f("pk_events")),
    )
    op.create_table(
        "file_contents",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("file_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(length=32), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("previous", sa.LargeBinary(length=32), nullable=True),
        sa.Column("changeset", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_file_contents_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "file_id", "content", name=op.f("pk_file_contents")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_file_contents_changeset",
        "file_contents",
        ["repository_id", "changeset", "ordinal", "previous"],
        unique=False,
    )
    op.create_table(
        "folded",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("changeset", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_folded_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", name=op.f("pk_folded")),
    )
    op.create_table(
        "approvals",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("changeset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", Id, autoincrement=False, nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_approvals_repository_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_approvals_user_id")),
        sa.PrimaryKeyConstraint("repository_id", "changeset", "user_id", name=op.f("pk_approvals")),
    )
    op.create_table(
        "labels",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("changeset", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("moves", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_labels_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "name", name=op.f("pk_labels")),
    )
    op.create_index(op.f("ix_labels_repository_id_changeset"), "labels", ["repository_id", "changeset"], unique=False)
    op.create_table(
        "freezes",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("branch_id", sa.BigInteger(), nullable=True),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=False),
        sa.Column("lifted_why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id", "branch_id"],
            ["branches.repository_id", "branches.id"],
            name=op.f("fk_freezes_repository_id_branch_id"),
        ),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_freezes_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "id", name=op.f("pk_freezes")),
    )
    op.create_index(op.f("ix_freezes_repository_id_lifted_at"), "freezes", ["repository_id", "lifted_at"], unique=False)
    op.create_table(
        "label_history",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("act", sa.Integer(), nullable=False),
        sa.Column("changeset", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_label_history_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "name", "sequence", name=op.f("pk_label_history")),
    )
    op.create_table(
        "label_reservations",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.Column("subjects", sa.JSON(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("fk_label_reservations_repository_id")
        ),
        sa.PrimaryKeyConstraint("repository_id", "version", name=op.f("pk_label_reservations")),
    )
    op.create_table(
        "shelves",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("repository_id", Id, nullable=False),
        sa.Column("owner_id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("branch_id", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("raw_bytes", sa.BigInteger(), nullable=False),
        sa.Column("stored_bytes", sa.BigInteger(), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("list_id", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id", "branch_id"],
            ["branches.repository_id", "branches.id"],
            name=op.f("fk_shelves_repository_id_branch_id"),
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_shelves_owner_id")),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_shelves_repository_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shelves")),
        sa.UniqueConstraint(
            "repository_id", "owner_id", "folded", name=op.f("uq_shelves_repository_id_owner_id_folded")
        ),
    )
    op.create_table(
        "shelf_parts",
        sa.Column("shelf", Id, autoincrement=False, nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["shelf"], ["shelves.id"], name=op.f("fk_shelf_parts_shelf")),
        sa.PrimaryKeyConstraint("shelf", "part", name=op.f("pk_shelf_parts")),
    )
    op.create_table(
        "shelf_contents",
        sa.Column("domain_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("shelf", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("recipe", sa.LargeBinary(length=32), nullable=True),
        sa.PrimaryKeyConstraint("domain_id", "hash", "shelf", name=op.f("pk_shelf_contents")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_shelf_contents_shelf", "shelf_contents", ["shelf", "size", "recipe"], unique=False)
    op.create_table(
        "list_parts",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("changeset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_list_parts_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "changeset", "level", "part", name=op.f("pk_list_parts")),
    )
    op.create_table(
        "lock_counters",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("last_token", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_lock_counters_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", name=op.f("pk_lock_counters")),
    )
    op.create_table(
        "divergences",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("file_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("changeset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_divergences_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "file_id", "at", "changeset", name=op.f("pk_divergences")),
    )
    op.create_table(
        "ended_locks",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("token", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("end", sa.Integer(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_ended_locks_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "token", name=op.f("pk_ended_locks")),
    )
    op.create_table(
        "lock_rules",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_lock_rules_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", name=op.f("pk_lock_rules")),
    )
    op.create_table(
        "names",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_names_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "folded", name=op.f("pk_names")),
    )
    op.create_table(
        "path_changes",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("file_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("changeset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("path", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("operation", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_path_changes_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "file_id", "changeset", "path", name=op.f("pk_path_changes")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_path_changes_path", "path_changes", ["repository_id", "path", "changeset", "operation"], unique=False
    )
    op.create_table(
        "uploads",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("upload", sa.Text(), nullable=False),
        sa.Column("stored_bytes", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_uploads_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "upload", name=op.f("pk_uploads")),
    )
    op.create_index(op.f("ix_uploads_time"), "uploads", ["time"], unique=False)
    op.create_table(
        "changesets",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("first_parent", sa.BigInteger(), nullable=False),
        sa.Column("second_parent", sa.BigInteger(), nullable=True),
        sa.Column("depth", sa.BigInteger(), nullable=False),
        sa.Column("branch_id", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("prepared_min", sa.BigInteger(), nullable=False),
        sa.Column("prepared_max", sa.BigInteger(), nullable=False),
        sa.Column("files_changed", sa.Integer(), nullable=False),
        sa.Column("raw_bytes", sa.BigInteger(), nullable=False),
        sa.Column("stored_bytes", sa.BigInteger(), nullable=False),
        sa.Column("last_file_id", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id", "branch_id"],
            ["branches.repository_id", "branches.id"],
            name=op.f("fk_changesets_repository_id_branch_id"),
        ),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_changesets_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "number", name=op.f("pk_changesets")),
    )
    op.create_index("ix_changesets_author", "changesets", ["repository_id", "author", "number"], unique=False)
    op.create_index("ix_changesets_branch", "changesets", ["repository_id", "branch_id", "number"], unique=False)
    op.create_table(
        "locks",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("token", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("tree", sa.Boolean(), nullable=False),
        sa.Column("mode", sa.Integer(), nullable=False),
        sa.Column("scope", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", Id, nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("acquired_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("ttl", sa.BigInteger(), nullable=False),
        sa.Column("lease_limit", sa.BigInteger(), nullable=True),
        sa.Column("expired_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_locks_owner_id")),
        sa.ForeignKeyConstraint(
            ["repository_id", "branch_id"],
            ["branches.repository_id", "branches.id"],
            name=op.f("fk_locks_repository_id_branch_id"),
        ),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_locks_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "token", name=op.f("pk_locks")),
    )
    op.create_index(op.f("ix_locks_owner_id"), "locks", ["owner_id"], unique=False)
    op.create_index(op.f("ix_locks_repository_id_file_id"), "locks", ["repository_id", "file_id"], unique=False)
    op.create_index(op.f("ix_locks_repository_id_workspace"), "locks", ["repository_id", "workspace"], unique=False)
    op.create_table(
        "lock_requests",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("owner_id", Id, nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("branch_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("waits", sa.Boolean(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("counted_from", sa.BigInteger(), nullable=False),
        sa.Column("denied_by", sa.Text(), nullable=False),
        sa.Column("denied_why", sa.Text(), nullable=False),
        sa.Column("denied_at", sa.BigInteger(), nullable=True),
        sa.Column("behind", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_lock_requests_owner_id")),
        sa.ForeignKeyConstraint(
            ["repository_id", "branch_id"],
            ["branches.repository_id", "branches.id"],
            name=op.f("fk_lock_requests_repository_id_branch_id"),
        ),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_lock_requests_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "number", name=op.f("pk_lock_requests")),
    )
    op.create_index(op.f("ix_lock_requests_owner_id"), "lock_requests", ["owner_id"], unique=False)
    op.create_table(
        "lock_request_files",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("file_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id", "number"],
            ["lock_requests.repository_id", "lock_requests.number"],
            name=op.f("fk_lock_request_files_repository_id_number"),
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("fk_lock_request_files_repository_id")
        ),
        sa.PrimaryKeyConstraint("repository_id", "number", "file_id", name=op.f("pk_lock_request_files")),
    )
    op.create_index(
        op.f("ix_lock_request_files_repository_id_file_id"), "lock_request_files", ["repository_id", "file_id"],
        unique=False,
    )  # fmt: skip
    op.create_table(
        "lock_request_folders",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id", "number"],
            ["lock_requests.repository_id", "lock_requests.number"],
            name=op.f("fk_lock_request_folders_repository_id_number"),
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("fk_lock_request_folders_repository_id")
        ),
        sa.PrimaryKeyConstraint("repository_id", "number", "path", name=op.f("pk_lock_request_folders")),
    )
    op.create_table(
        "workspaces",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner_id", Id, nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("directory", sa.Text(), nullable=False),
        sa.Column("branch_id", sa.BigInteger(), nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_workspaces_owner_id")),
        sa.ForeignKeyConstraint(
            ["repository_id", "branch_id"],
            ["branches.repository_id", "branches.id"],
            name=op.f("fk_workspaces_repository_id_branch_id"),
        ),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_workspaces_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "id", name=op.f("pk_workspaces")),
    )
    op.create_index(op.f("ix_workspaces_owner_id"), "workspaces", ["owner_id"], unique=False)
    op.create_table(
        "webhooks",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("paths", sa.JSON(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("old_secret", sa.Text(), nullable=False),
        sa.Column("old_secret_until", sa.BigInteger(), nullable=True),
        sa.Column("created_by_id", Id, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("last_delivery", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk_webhooks_created_by_id")),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_webhooks_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "id", name=op.f("pk_webhooks")),
    )
    op.create_table(
        "deliveries",
        sa.Column("repository_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("webhook", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id", "webhook"],
            ["webhooks.repository_id", "webhooks.id"],
            name=op.f("fk_deliveries_repository_id"),
        ),
        sa.PrimaryKeyConstraint("repository_id", "webhook", "number", name=op.f("pk_deliveries")),
    )
    op.create_table(
        "checks",
        sa.Column("repository_id", Id, autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("moments", sa.JSON(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("paths", sa.JSON(), nullable=False),
        sa.Column("deadline", sa.Integer(), nullable=False),
        sa.Column("fail_open", sa.Boolean(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("old_secret", sa.Text(), nullable=False),
        sa.Column("old_secret_until", sa.BigInteger(), nullable=True),
        sa.Column("created_by_id", Id, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk_checks_created_by_id")),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_checks_repository_id")),
        sa.PrimaryKeyConstraint("repository_id", "id", name=op.f("pk_checks")),
        sa.UniqueConstraint("repository_id", "name", name=op.f("uq_checks_repository_id_name")),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.create_index("whole_domains", "domains", ["created_at"], unique=False)
        op.create_index("whole_groups", "groups", ["name", "folded", "created_at", "created_by"], unique=False)
        op.create_index(
            "whole_packs",
            "packs",
            ["domain_id", "pack_id", "length", "frame_bytes", "live_bytes", "retired_at"],
            unique=False,
        )
        op.create_index("whole_approvals", "approvals", ["message", "time"], unique=False)
        op.create_index(
            "whole_policy_versions",
            "policy_versions",
            ["time", "by", "document", "act", "why", "added", "removed", "sections"],
            unique=False,
        )
        op.create_index("whole_rebased", "rebased", ["changeset"], unique=False)
        op.create_index(
            "whole_rules",
            "rules",
            [
                "effect",
                "subject_kind",
                "subject",
                "role",
                "actions",
                "repository",
                "ref",
                "path",
                "conditions",
                "expires_at",
                "created_by",
                "created_at",
            ],
            unique=False,
        )
        op.create_index("whole_sweeps", "sweeps", ["count"], unique=False)
        op.create_index(
            "whole_users",
            "users",
            ["name", "folded", "server_admin", "disabled", "created_at", "created_by", "owner_id"],
            unique=False,
        )
        op.create_index("whole_frames", "frames", ["live", "damaged"], unique=False)
        op.create_index(
            "whole_repositories",
            "repositories",
            ["domain_id", "name", "folded", "description", "created_at", "created_by", "archived_at", "last_branch_id"],
            unique=False,
        )
        op.create_index("whole_requests", "requests", ["method", "digest", "answer", "time"], unique=False)
        op.create_index(
            "whole_tokens",
            "tokens",
            [
                "user_id",
                "secret_hash",
                "description",
                "scope",
                "networks",
                "repositories",
                "exchange",
                "created_at",
                "expires_at",
                "last_used_at",
                "last_used_from",
                "revoked_at",
            ],
            unique=False,
        )
        op.create_index(
            "whole_branches",
            "branches",
            [
                "name",
                "kind",
                "target_id",
                "head",
                "origin",
                "created_by",
                "created_at",
                "abandoned_at",
                "abandoned_by",
                "abandoned_why",
            ],
            unique=False,
        )
        op.create_index("whole_change_lists", "change_lists", ["before", "entries", "bytes"], unique=False)
        op.create_index("whole_events", "events", ["time", "kind", "data"], unique=False)
        op.create_index("whole_folded", "folded", ["changeset"], unique=False)
        op.create_index("whole_labels", "labels", ["changeset", "message", "by", "time", "moves"], unique=False)
        op.create_index(
            "whole_freezes",
            "freezes",
            [
                "branch_id",
                "label",
                "path",
                "by",
                "at",
                "until",
                "reason",
                "lifted_at",
                "lifted_by",
                "lifted_why",
            ],
            unique=False,
        )
        op.create_index("whole_label_history", "label_history", ["act", "changeset", "by", "time", "why"], unique=False)
        op.create_index(
            "whole_label_reservations", "label_reservations", ["pattern", "subjects", "by", "time"], unique=False
        )
        op.create_index("whole_lock_counters", "lock_counters", ["last_token"], unique=False)
        op.create_index("whole_lock_request_files", "lock_request_files", ["path", "token", "base"], unique=False)
        op.create_index("whole_lock_request_folders", "lock_request_folders", ["base"], unique=False)
        op.create_index(
            "whole_lock_requests",
            "lock_requests",
            [
                "owner_id",
                "workspace",
                "host",
                "branch_id",
                "reason",
                "waits",
                "asked_at",
                "seen",
                "until",
                "counted_from",
                "denied_by",
                "denied_why",
                "denied_at",
                "behind",
            ],
            unique=False,
        )
        op.create_index("whole_divergences", "divergences", ["path", "by", "reason", "time"], unique=False)
        op.create_index(
            "whole_ended_locks", "ended_locks", ["path", "workspace", "end", "by", "reason", "time"], unique=False
        )
        op.create_index("whole_lock_rules", "lock_rules", ["rules"], unique=False)
        op.create_index("whole_names", "names", ["kind", "name"], unique=False)
        op.create_index(
            "whole_shelves",
            "shelves",
            [
                "repository_id",
                "owner_id",
                "name",
                "folded",
                "branch_id",
                "message",
                "workspace",
                "host",
                "time",
                "files",
                "raw_bytes",
                "stored_bytes",
                "private",
                "list_id",
            ],
            unique=False,
        )
        op.create_index("whole_uploads", "uploads", ["stored_bytes", "time"], unique=False)
        op.create_index(
            "whole_changesets",
            "changesets",
            [
                "depth",
                "second_parent",
                "prepared_min",
                "prepared_max",
                "files_changed",
                "raw_bytes",
                "stored_bytes",
                "last_file_id",
            ],
            unique=False,
        )
        op.create_index(
            "whole_locks",
            "locks",
            [
                "file_id",
                "path",
                "tree",
                "mode",
                "scope",
                "branch_id",
                "owner_id",
                "workspace",
                "host",
                "base",
                "reason",
                "acquired_at",
                "lease_until",
                "ttl",
                "lease_limit",
                "expired_at",
            ],
            unique=False,
        )
        op.create_index(
            "whole_workspaces",
            "workspaces",
            ["owner_id", "host", "directory", "branch_id", "base", "created_at", "last_seen"],
            unique=False,
        )
        op.create_index(
            "whole_webhooks",
            "webhooks",
            [
                "url",
                "kinds",
                "paths",
                "branch",
                "secret",
                "old_secret",
                "old_secret_until",
                "created_by_id",
                "created_at",
                "state",
                "reason",
                "position",
                "attempts",
                "failing_since",
                "next_at",
                "last_delivery",
            ],
            unique=False,
        )
        op.create_index(
            "whole_deliveries",
            "deliveries",
            [
                "sequence",
                "kind",
                "time",
                "attempt",
                "status",
                "milliseconds",
                "fault",
                "answer",
            ],
            unique=False,
        )
        op.create_index(
            "whole_checks",
            "checks",
            [
                "name",
                "url",
                "moments",
                "ref",
                "paths",
                "deadline",
                "fail_open",
                "secret",
                "old_secret",
                "old_secret_until",
                "created_by_id",
                "created_at",
            ],
            unique=False,
        )
