"""The first tables: runs, events, leases, commands, freezes."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    _runs()
    _events()
    _leases()
    _commands()
    _freezes()


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("target_key", sa.String, nullable=False),
        sa.Column("phase", sa.String, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("schema", sa.Integer, nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("snapshot", sa.Text, nullable=False),
        sa.Column("created_s", sa.Double, nullable=False),
        sa.Column("updated_s", sa.Double, nullable=False),
    )
    active = sa.column("active", sa.Boolean)
    for index, column in (("one_active_run_per_name", "name"), ("one_active_run_per_target", "target_key")):
        op.create_index(index, "runs", [column], unique=True, sqlite_where=active, postgresql_where=active)


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("run_id", sa.String, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("at_s", sa.Double, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("schema", sa.Integer, nullable=False),
        sa.Column("actor_user", sa.String, nullable=False),
        sa.Column("actor_host", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("rule", sa.String, nullable=True),
        sa.Column("data", sa.Text, nullable=False),
    )


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("run_id", sa.String, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("owner", sa.String, nullable=True),
        sa.Column("token", sa.Integer, nullable=False),
        sa.Column("beats", sa.Integer, nullable=False),
        sa.Column("expires_s", sa.Double, nullable=False),
    )


def _commands() -> None:
    op.create_table(
        "commands",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.String, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("verb", sa.String, nullable=False),
        sa.Column("actor_user", sa.String, nullable=False),
        sa.Column("actor_host", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("at_s", sa.Double, nullable=False),
        sa.Column("done_seq", sa.Integer, nullable=True),
    )
    op.create_index("ix_commands_run_id", "commands", ["run_id"])


def _freezes() -> None:
    op.create_table(
        "freezes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor_user", sa.String, nullable=False),
        sa.Column("actor_host", sa.String, nullable=False),
        sa.Column("since_s", sa.Double, nullable=False),
    )
