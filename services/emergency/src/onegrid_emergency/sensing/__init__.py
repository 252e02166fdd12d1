"""How readings of sensors are judged: pure functions over frozen values; no clock, no database, no message."""
