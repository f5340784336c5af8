"""Bags to LeRobotDataset v3.0 and back; what training reads."""
