"""What can be done with accounts: sessions, accounts, departments, roles; each function runs in its caller's
transaction.
"""
