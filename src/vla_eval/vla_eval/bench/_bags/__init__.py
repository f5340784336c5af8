"""Parts of `./vla bench bags`."""
