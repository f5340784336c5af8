"""Parts of `./vla bench strategies`: which cells, what they gave, and how it is shown."""
