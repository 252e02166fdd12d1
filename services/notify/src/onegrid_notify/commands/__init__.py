"""What can be done; each function runs in its caller's transaction, unless its docstring says otherwise."""
