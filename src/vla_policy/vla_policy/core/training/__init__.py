"""From demonstrations to a checkpoint; see `trainer.train`."""
