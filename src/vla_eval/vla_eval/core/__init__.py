"""Evaluation without ROS: the loop in virtual time, statistics, reports, demonstrations."""
