"""The columns that partyedu seals."""

from __future__ import annotations

from onegrid_kit.sealed import Sealed
from onegrid_partyedu.certificate import CODE_PURPOSE as CERTIFICATE_CODE_PURPOSE
from onegrid_partyedu.certificate import FACTS_PURPOSE
from onegrid_partyedu.commands.statements import PURPOSE as STATEMENT_PURPOSE
from onegrid_partyedu.meeting import CODE_PURPOSE
from onegrid_partyedu.member import NAME_PURPOSE

__all__ = ["SEALED"]

SEALED = (
    Sealed("meeting", "sealed_secret", CODE_PURPOSE),
    Sealed("member", "sealed_name", NAME_PURPOSE, index="name_index"),
    Sealed("import_row", "sealed_name"),
    Sealed("statement", "sealed", STATEMENT_PURPOSE),
    Sealed("statement_definition", "sealed", STATEMENT_PURPOSE),
    Sealed("statement_attachment", "sealed", STATEMENT_PURPOSE),
    Sealed("certificate", "sealed_facts", FACTS_PURPOSE),
    Sealed("certificate", "sealed_code", CERTIFICATE_CODE_PURPOSE, index="code_index"),
)
