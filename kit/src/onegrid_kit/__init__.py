"""What OneGrid's services share."""
