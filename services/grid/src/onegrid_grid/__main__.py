"""`python -m onegrid_grid ROLE`."""

from __future__ import annotations

import sys

from onegrid_grid.main import SERVICE
from onegrid_kit.main import run

sys.exit(run(SERVICE, sys.argv[1:]))
