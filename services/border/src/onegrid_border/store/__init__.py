"""The statements over border's tables; a file for each noun."""
