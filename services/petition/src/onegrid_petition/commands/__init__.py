"""What can be done with petitions, and with the catalogue of work items.

Each command on a petition is a function of what is known of a petition to what is decided; it touches nothing. The
caller stores the decision, if the petition is still as it was. Rules and capacities are elsewhere: ``lifecycle``
defines which step may follow which, ``authority`` in which capacity a caller acts.

The catalogue, which changes rarely, is written in its caller's transaction.
"""
