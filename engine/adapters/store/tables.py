"""The tables as SQLAlchemy sees them. They are made by the migrations, never from here; a test compares both.

Documents (`spec`, `snapshot`, `data`, `notice`) are JSON text, read by `records` so that a damaged one can be
named. Times are epoch seconds.
"""

from sqlalchemy import Boolean, Column, Double, ForeignKey, Index, Integer, MetaData, String, Table, Text

METADATA = MetaData()

RUNS = Table(
    "runs",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("target_key", String, nullable=False),
    Column("phase", String, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("schema", Integer, nullable=False),
    Column("spec", Text, nullable=False),
    Column("snapshot", Text, nullable=False),
    Column("created_s", Double, nullable=False),
    Column("updated_s", Double, nullable=False),
)
# The database itself keeps racing launches apart: one active run per name and per target.
Index(
    "one_active_run_per_name",
    RUNS.c.name,
    unique=True,
    sqlite_where=RUNS.c.active,
    postgresql_where=RUNS.c.active,
)
Index(
    "one_active_run_per_target",
    RUNS.c.target_key,
    unique=True,
    sqlite_where=RUNS.c.active,
    postgresql_where=RUNS.c.active,
)

EVENTS = Table(
    "events",
    METADATA,
    Column("run_id", String, ForeignKey("runs.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at_s", Double, nullable=False),
    Column("type", String, nullable=False),
    Column("schema", Integer, nullable=False),
    Column("actor_user", String, nullable=False),
    Column("actor_host", String, nullable=False),
    Column("source", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("rule", String, nullable=True),
    Column("data", Text, nullable=False),
)

LEASES = Table(
    "leases",
    METADATA,
    Column("run_id", String, ForeignKey("runs.id"), primary_key=True),
    Column("owner", String, nullable=True),
    Column("token", Integer, nullable=False),
    Column("beats", Integer, nullable=False),
    Column("expires_s", Double, nullable=False),
)

COMMANDS = Table(
    "commands",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("run_id", String, ForeignKey("runs.id"), nullable=False, index=True),
    Column("verb", String, nullable=False),
    Column("actor_user", String, nullable=False),
    Column("actor_host", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("source", String, nullable=False),
    Column("at_s", Double, nullable=False),
    Column("done_seq", Integer, nullable=True),
    Column("treatment", String, nullable=False, server_default=""),
)

LETTERS = Table(
    "letters",
    METADATA,
    Column("run_id", String, ForeignKey("runs.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("sink", String, primary_key=True),
    Column("schema", Integer, nullable=False),
    Column("notice", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_s", Double, nullable=False),
    Column("detail", Text, nullable=False),
    Column("settled_s", Double, nullable=True),
)
Index("letters_by_due", LETTERS.c.state, LETTERS.c.due_s)

FREEZES = Table(
    "freezes",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("actor_user", String, nullable=False),
    Column("actor_host", String, nullable=False),
    Column("since_s", Double, nullable=False),
)

EXPOSURES = Table(
    "exposures",
    METADATA,
    Column("source", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("experiment", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("variant", String, nullable=False),
    Column("at_s", Double, nullable=False),
    Column("dimensions", Text, nullable=False),
    Column("received_s", Double, nullable=False),
)
Index("exposures_by_unit", EXPOSURES.c.experiment, EXPOSURES.c.unit)
Index("exposures_by_receipt", EXPOSURES.c.received_s)

OCCURRENCES = Table(
    "occurrences",
    METADATA,
    Column("source", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("unit", String, nullable=False),
    Column("name", String, nullable=False),
    Column("value", Double, nullable=True),
    Column("at_s", Double, nullable=False),
    Column("event_id", String, nullable=False),
    Column("received_s", Double, nullable=False),
)
Index("occurrences_by_unit", OCCURRENCES.c.unit)
Index("occurrences_by_receipt", OCCURRENCES.c.received_s)
