"""The HTTP listener of an api: for what is not gRPC, with the same callers, limits, errors, metrics and traces."""
