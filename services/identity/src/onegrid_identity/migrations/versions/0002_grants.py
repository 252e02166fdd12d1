"""Grants with a beginning and an end, in a table of that name.

The release before writes `held_role` while this one is rolled out, and knows no periods: triggers keep lasting grants
in both tables, and it never reads one with a period. The next release may drop `held_role` and both functions.

Revision ID: identity0002
"""

from alembic import op

revision = "identity0002"
down_revision = "identity0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand, and copy."""
    op.execute(
        """
        CREATE TABLE role_grant (
          account text NOT NULL,
          id text COLLATE "C" NOT NULL,
          role text NOT NULL,
          scope text NOT NULL,
          begin_time timestamptz,
          expire_time timestamptz,
          create_time timestamptz NOT NULL,
          PRIMARY KEY (account, id),
          UNIQUE NULLS NOT DISTINCT (account, role, scope, begin_time, expire_time),
          CHECK (begin_time < expire_time)
        );
        LOCK TABLE held_role IN SHARE ROW EXCLUSIVE MODE;
        INSERT INTO role_grant (account, id, role, scope, create_time)
          SELECT account, id, role, scope, create_time FROM held_role;

        CREATE FUNCTION copy_to_role_grant() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP = 'INSERT' THEN
            INSERT INTO role_grant (account, id, role, scope, create_time)
              VALUES (NEW.account, NEW.id, NEW.role, NEW.scope, NEW.create_time) ON CONFLICT DO NOTHING;
          ELSE
            DELETE FROM role_grant WHERE account = OLD.account AND id = OLD.id;
          END IF;
          RETURN NULL;
        END $$;
        CREATE TRIGGER copy_to_role_grant AFTER INSERT OR DELETE ON held_role
          FOR EACH ROW EXECUTE FUNCTION copy_to_role_grant();

        CREATE FUNCTION copy_to_held_role() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP = 'INSERT' THEN
            INSERT INTO held_role (account, id, role, scope, create_time)
              VALUES (NEW.account, NEW.id, NEW.role, NEW.scope, NEW.create_time) ON CONFLICT DO NOTHING;
          ELSE
            DELETE FROM held_role WHERE account = OLD.account AND id = OLD.id;
          END IF;
          RETURN NULL;
        END $$;
        CREATE TRIGGER insert_into_held_role AFTER INSERT ON role_grant
          FOR EACH ROW WHEN (NEW.begin_time IS NULL AND NEW.expire_time IS NULL) EXECUTE FUNCTION copy_to_held_role();
        CREATE TRIGGER delete_from_held_role AFTER DELETE ON role_grant
          FOR EACH ROW EXECUTE FUNCTION copy_to_held_role();
        """
    )
