"""Values, geometry and the robot contract that every package of the suite shares."""
