"""What the executor decides, without ROS: every time is an argument, in ns."""
