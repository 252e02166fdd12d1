"""Accounts, sessions, departments, roles and grants."""
