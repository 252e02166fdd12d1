"""partyedu's migrations."""
