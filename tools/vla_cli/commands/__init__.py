"""The subcommands: each has `add_options`, and `prepare`, which returns what to call."""
