"""`python -m onegrid_partyedu ROLE`."""

from __future__ import annotations

import sys

from onegrid_kit.main import run
from onegrid_partyedu.main import SERVICE

sys.exit(run(SERVICE, sys.argv[1:]))
