"""Set-up: from a bare machine to an environment in which the suite runs."""
