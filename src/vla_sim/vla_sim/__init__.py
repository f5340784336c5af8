"""A simulated robot like any other, with language-conditioned tasks on a table top."""
