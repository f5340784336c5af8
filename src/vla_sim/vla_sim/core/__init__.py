"""The simulated robot without ROS: MuJoCo scene, tasks, words, expert, faults."""
