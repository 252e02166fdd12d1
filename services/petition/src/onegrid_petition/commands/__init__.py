"""What can be done with petitions: load, decide, store, announce.

Each command runs in its caller's transaction and returns the petition as it is after it. Rules and capacities are
elsewhere: ``lifecycle`` defines which step may follow which, ``authority`` in which capacity a caller acts.
"""
