"""The `./vla` command line: its words, the environment it makes, the graph it runs."""
