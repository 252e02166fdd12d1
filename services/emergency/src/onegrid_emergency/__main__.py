"""`python -m onegrid_emergency ROLE`."""

from __future__ import annotations

import sys

from onegrid_emergency.main import SERVICE
from onegrid_kit.main import run

sys.exit(run(SERVICE, sys.argv[1:]))
