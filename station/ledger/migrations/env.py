"""Alembic's entry: runs the migrations on the connection that `station.ledger.migrating` hands in, in its transaction."""

from alembic import context

from station.ledger.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=False,  # the caller's transaction holds everything
)
context.run_migrations()
