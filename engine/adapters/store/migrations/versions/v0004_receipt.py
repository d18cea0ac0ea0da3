"""What was received when: old records of users are found without looking at all of them."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the indexes."""
    op.create_index("exposures_by_receipt", "exposures", ["received_s"])
    op.create_index("occurrences_by_receipt", "occurrences", ["received_s"])
