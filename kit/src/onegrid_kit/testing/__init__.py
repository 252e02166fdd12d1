"""What tests of the kit and of services stand on: real servers of their own, on free ports."""
