"""What `helm test` runs against an installed platform, and where an evaluation's codes and traces go."""
