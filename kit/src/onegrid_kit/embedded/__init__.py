"""PostgreSQL and RabbitMQ as processes of our own: for demonstration, tests and benchmarks, never for production."""
