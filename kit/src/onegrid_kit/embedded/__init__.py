"""PostgreSQL and RabbitMQ as processes of our own: for the demonstration, the tests and the benchmarks, never for production."""
