"""Policies of the suite: what turns one observation into one chunk of actions."""
