"""Episodes through the live graph."""
