"""Turns action chunks into safe joint commands at a fixed rate."""
