"""`make bench`: how near the platform comes to the limits of its machine, as ratios to a baseline in the same run."""
