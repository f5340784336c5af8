"""What the nodes of the VLA suite share; nothing here knows cameras, models or limits."""
