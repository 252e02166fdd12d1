"""The way of a call: trace and metrics, error mapping, authentication, permission, validation, then the servicer."""
