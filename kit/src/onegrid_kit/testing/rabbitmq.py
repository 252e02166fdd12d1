"""A RabbitMQ of the tests' own; see `onegrid_kit.embedded.rabbitmq`."""

from onegrid_kit.embedded.rabbitmq import RabbitServer

__all__ = ["RabbitServer"]
