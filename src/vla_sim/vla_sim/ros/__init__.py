"""ROS nodes of the simulated robot."""
