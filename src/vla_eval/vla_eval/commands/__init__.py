"""What `./vla demo`, `./vla eval` and `./vla train` run in the suite's environment."""
