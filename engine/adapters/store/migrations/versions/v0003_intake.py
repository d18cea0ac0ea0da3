"""Exposures and events of users."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "exposures",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("experiment", sa.String, nullable=False),
        sa.Column("unit", sa.String, nullable=False),
        sa.Column("variant", sa.String, nullable=False),
        sa.Column("at_s", sa.Double, nullable=False),
        sa.Column("dimensions", sa.Text, nullable=False),
        sa.Column("received_s", sa.Double, nullable=False),
    )
    op.create_index("exposures_by_unit", "exposures", ["experiment", "unit"])
    op.create_table(
        "occurrences",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("unit", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("value", sa.Double, nullable=True),
        sa.Column("at_s", sa.Double, nullable=False),
        sa.Column("event_id", sa.String, nullable=False),
        sa.Column("received_s", sa.Double, nullable=False),
    )
    op.create_index("occurrences_by_unit", "occurrences", ["unit"])
