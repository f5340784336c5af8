"""Bags: rosbag2 folders, written so that a crash costs a moment, read however they end."""
