"""The worker: a nameko service that hands events and ticks to a service's handlers and jobs.

This package alone knows eventlet and nameko, and no process that imports it may load grpc.
"""
