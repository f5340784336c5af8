"""The executor as a ROS 2 node."""
