"""Runs a launch file without ROS's own launch: reading it, and the processes it names."""
