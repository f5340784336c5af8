"""Without ROS the files that import it are not collected, but in the full run."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

os.environ['ROS_PYTHON_CHECK_FIELDS'] = '1'  # read by the setters of messages, on import
sys.path.insert(0, str(Path(__file__).parent / 'support'))

if find_spec('rclpy') is None and 'VLA_FULL_TEST' not in os.environ:
    collect_ignore_glob = ['node/*', 'unit/*_msg.py']
