"""The statements over grid's tables; a file for each noun."""
