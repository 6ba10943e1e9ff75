"""The migrations make exactly the tables that the program's MetaData describes."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from mlv_core.errors import InvalidSettings
from mlv_server.metadata import migrations, tables, tables_content, tables_history
from mlv_server.metadata.schema import metadata


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/mlv.db"


def test_the_migrations_and_the_metadata_agree(url: str) -> None:
    migrations.upgrade(url)
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        found = set(inspect(connection).get_table_names())
    engine.dispose()
    assert found == {*metadata.tables, "alembic_version"}
    assert {tables.users.name, tables_history.changesets.name, tables_content.packs.name} <= found


def test_indexes_of_part_of_a_table_keep_their_condition(url: str, tmp_path: Path) -> None:
    migrations.upgrade(url)
    other = f"sqlite:///{tmp_path}/other.db"
    engine = create_engine(other)
    metadata.create_all(engine)
    engine.dispose()
    assert _statements(url) == _statements(other)


def test_upgrade_may_run_again(url: str) -> None:
    migrations.upgrade(url)
    migrations.upgrade(url)
    migrations.check(url)


def test_a_database_without_tables_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="no tables"):
        migrations.check(url)
    assert not (tmp_path / "mlv.db").exists()


def test_a_database_of_another_program_version_is_refused(url: str) -> None:
    migrations.upgrade(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(InvalidSettings, match="schema 9999"):
        migrations.check(url)


def _statements(url: str) -> dict[str, str]:
    """The statements of indexes and options of tables, which the comparison by alembic does not see."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL").all()
    engine.dispose()
    kept = {}
    for name, kind, sql in found:
        if kind == "index":
            kept[name] = " ".join(sql.split())
        elif name != "alembic_version":
            kept[name] = sql.rpartition(")")[2].strip() + (" AUTOINCREMENT" if "AUTOINCREMENT" in sql else "")
    return kept
