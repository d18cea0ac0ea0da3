"""Letters on their way to sinks, and which treatment a command means."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table, and add the column."""
    op.add_column("commands", sa.Column("treatment", sa.String, nullable=False, server_default=""))
    op.create_table(
        "letters",
        sa.Column("run_id", sa.String, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("sink", sa.String, primary_key=True),
        sa.Column("schema", sa.Integer, nullable=False),
        sa.Column("notice", sa.Text, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_s", sa.Double, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("settled_s", sa.Double, nullable=True),
    )
    op.create_index("letters_by_due", "letters", ["state", "due_s"])
