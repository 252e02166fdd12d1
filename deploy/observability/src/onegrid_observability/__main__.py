"""`python -m onegrid_observability`: makes rules, their trials and dashboards of their data, in build/observability."""

from __future__ import annotations

from onegrid_observability import files

if __name__ == "__main__":
    files.write()
