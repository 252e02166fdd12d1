"""The rules of the Common Alerting Protocol (CAP 1.2, OASIS 2010), without a database or a network."""
