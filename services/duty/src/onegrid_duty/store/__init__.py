"""The statements over duty's tables. The district's code comes first in every key."""
