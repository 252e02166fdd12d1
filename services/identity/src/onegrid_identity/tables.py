"""identity's tables.

Accounts are found by login, telephone number or id, whatever their district; these tables are not distributed where
others are.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)

__all__ = [
    "account",
    "code_requests",
    "department",
    "device_enrolment",
    "device_key",
    "login_attempts",
    "one_time_code",
    "place",
    "refresh_token",
    "role",
    "role_grant",
    "session",
    "shift_role",
    "signing_key",
]

_metadata = MetaData()
_time = DateTime(timezone=True)

account = Table(
    "account",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("district", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("sealed_name", LargeBinary, nullable=False),
    Column("sealed_phone", LargeBinary),
    Column("phone_index", LargeBinary),
    Column("phone_normalized", Boolean, nullable=False),
    Column("login", Text),
    Column("organization", Text, nullable=False),
    # Not sealed: a place is no address, and audiences are found by its beginning.
    Column("home", Text, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("announced_version", BigInteger, nullable=False),
    Column("grant_revision", BigInteger, nullable=False, server_default="0"),
    Column("create_time", _time, nullable=False),
    Column("update_time", _time, nullable=False),
)
department = Table(
    "department",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("create_time", _time, nullable=False),
    Column("update_time", _time, nullable=False),
)
role = Table(
    "role",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("oa_level", SmallInteger, nullable=False),
    Column("permissions", ARRAY(Text), nullable=False),
    Column("built_in", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
)
role_grant = Table(
    "role_grant",
    _metadata,
    Column("account", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("begin_time", _time),
    Column("expire_time", _time),
    Column("create_time", _time, nullable=False),
    Column("shift", Text, nullable=False, server_default=""),
)
# What duty announced of shifts, and emergency of plans, that grant a role, and what became of it.
shift_role = Table(
    "shift_role",
    _metadata,
    Column("shift", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("account", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("guarantor", Text, nullable=False),
    Column("begin_time", _time, nullable=False),
    Column("end_time", _time, nullable=False),
    Column("grant_id", Text, nullable=False),
    Column("pending", Boolean, nullable=False),
)
session = Table(
    "session",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("refresh_expire_time", _time, nullable=False),
    Column("access_expire_time", _time, nullable=False),
    Column("revoked", Boolean, nullable=False),
)
refresh_token = Table(
    "refresh_token",
    _metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("session", Text, nullable=False),
    Column("used", Boolean, nullable=False),
    Column("used_time", _time),
)
one_time_code = Table(
    "one_time_code",
    _metadata,
    Column("phone_index", LargeBinary, primary_key=True),
    Column("code_index", LargeBinary),
    Column("sent_time", _time, nullable=False),
    Column("expire_time", _time, nullable=False),
    Column("tries", Integer, nullable=False),
)
# By the digest of the address; the empty one counts for all addresses that never logged in by that name.
login_attempts = Table(
    "login_attempts",
    _metadata,
    Column("login", Text, primary_key=True),
    Column("address", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_time", _time, nullable=False),
    Column("success_time", _time),
)
# By the digest of an address, or of the caller if there is one.
code_requests = Table(
    "code_requests",
    _metadata,
    Column("asker", LargeBinary, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("begin_time", _time, nullable=False),
)
signing_key = Table(
    "signing_key",
    _metadata,
    Column("kid", Text, primary_key=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("sealed_private_key", LargeBinary, nullable=False),
    Column("created_at", _time, nullable=False),
)
# What grid announced: the places that a role can be held over.
place = Table(
    "place",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("code", Text, primary_key=True),
)
device_key = Table(
    "device_key",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("district", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("lost_time", _time),
    Column("revoke_time", _time),
    Column("revoke_reason", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("create_time", _time, nullable=False),
    Column("update_time", _time, nullable=False),
)
device_enrolment = Table(
    "device_enrolment",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("place", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("code_index", LargeBinary, nullable=False),
    Column("create_time", _time, nullable=False),
    Column("expire_time", _time, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("used", Boolean, nullable=False),
)
