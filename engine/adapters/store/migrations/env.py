"""Alembic's door: runs the steps on the connection, and in the transaction, that `schema` opened."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    transactional_ddl=True,  # SQLite can, once the driver leaves BEGIN to us; half a schema is never seen
)
with context.begin_transaction():
    context.run_migrations()
