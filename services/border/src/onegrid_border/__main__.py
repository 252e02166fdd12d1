"""`python -m onegrid_border ROLE`."""

from __future__ import annotations

import sys

from onegrid_border.main import SERVICE
from onegrid_kit.main import run

sys.exit(run(SERVICE, sys.argv[1:]))
