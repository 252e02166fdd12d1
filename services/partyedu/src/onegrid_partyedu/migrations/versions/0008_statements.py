"""Statements of xAPI: by what they are found, what they refer to, what they define, and their attachments.

Revision ID: partyedu0008
"""

from alembic import op

revision = "partyedu0008"
down_revision = "partyedu0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE statement (
          district text NOT NULL,
          stored timestamptz NOT NULL,
          number bigint GENERATED ALWAYS AS IDENTITY,
          id uuid NOT NULL,
          authority bigint NOT NULL,
          voiding boolean NOT NULL,
          voided boolean NOT NULL,
          sealed bytea NOT NULL,
          PRIMARY KEY (district, stored, number)
        );
        CREATE UNIQUE INDEX statement_id ON statement (district, id);
        -- What is sealed does not get smaller.
        ALTER TABLE statement ALTER COLUMN sealed SET STORAGE EXTERNAL;

        CREATE TABLE statement_key (
          district text NOT NULL,
          key bigint NOT NULL,
          stored timestamptz NOT NULL,
          number bigint NOT NULL,
          origin bigint NOT NULL,
          PRIMARY KEY (district, key, stored, number, origin)
        );

        CREATE TABLE statement_reference (
          district text NOT NULL,
          target uuid NOT NULL,
          id uuid NOT NULL,
          authority bigint NOT NULL,
          voiding boolean NOT NULL,
          PRIMARY KEY (district, target, id)
        );

        CREATE TABLE statement_definition (
          district text NOT NULL,
          key bigint NOT NULL,
          authority bigint NOT NULL,
          sealed bytea NOT NULL,
          PRIMARY KEY (district, key)
        );

        CREATE TABLE statement_attachment (
          district text NOT NULL,
          key bigint NOT NULL,
          sealed bytea NOT NULL,
          PRIMARY KEY (district, key)
        );
        ALTER TABLE statement_attachment ALTER COLUMN sealed SET STORAGE EXTERNAL;
        """
    )
