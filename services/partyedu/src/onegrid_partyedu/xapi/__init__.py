"""The rules of xAPI 1.0.3 (https://github.com/adlnet/xAPI-Spec/tree/1.0.3): what a statement is, when two are the same,
what one is found by, how it is shown. "Data" and "Communication" in docstrings are its Parts 2 and 3.
"""
