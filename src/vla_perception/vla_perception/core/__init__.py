"""Perception without ROS."""
