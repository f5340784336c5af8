"""The parts of `./vla bench control`."""
