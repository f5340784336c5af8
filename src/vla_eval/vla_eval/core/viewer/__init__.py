"""A run on a page in a browser: what is shown, and how it is drawn."""
