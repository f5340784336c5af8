"""Models, checkpoints and training; knows no ROS."""
