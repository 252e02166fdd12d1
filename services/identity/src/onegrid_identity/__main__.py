"""`python -m onegrid_identity ROLE`."""

from __future__ import annotations

import sys

from onegrid_identity.main import SERVICE
from onegrid_kit.main import run

sys.exit(run(SERVICE, sys.argv[1:]))
