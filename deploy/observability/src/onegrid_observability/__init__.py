"""What an operator sees of the platform, made from data: rules, alerts, their tests, and dashboards."""
