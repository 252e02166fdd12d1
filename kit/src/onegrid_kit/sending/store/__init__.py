"""The statements over sendings and their attempts, each in the transaction of who calls it. A file for each noun.

Many rows share a statement, and rows are locked in the order of their ids.
"""
