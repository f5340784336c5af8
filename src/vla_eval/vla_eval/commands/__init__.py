"""What `./vla demo`, `eval`, `train` and `bench` run in the suite's environment."""
