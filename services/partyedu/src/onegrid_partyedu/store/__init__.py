"""The statements over partyedu's tables."""
