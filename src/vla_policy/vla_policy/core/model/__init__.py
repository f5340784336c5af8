"""The shared trunk: words, pictures and state to one condition vector."""
