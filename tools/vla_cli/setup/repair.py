"""Mends CMake files of the ROS message wheels: they name folders of the machine they come from."""

import re
import subprocess
from pathlib import Path

EXPORTS = 'share/*/cmake/export_*__rosidl_generator_pyExport.cmake'
FOREIGN = r'/opt/python/cp3\d+-cp3\d+/'
NUMPY = re.compile(FOREIGN + r'lib/python3\.\d+/site-packages/numpy/_?core/include')
HEADERS = re.compile(FOREIGN + r'include/python3\.\d+')
ASK = 'import sysconfig, numpy; print(sysconfig.get_path("include")); print(numpy.get_include())'


def repair_exports(venv: Path, python: Path) -> None:
    """Put this machine's header folders in."""
    asked = subprocess.run([python, '-c', ASK], capture_output=True, text=True, check=True)
    headers, numpy = asked.stdout.split('\n')[:2]
    for path in venv.glob(EXPORTS):
        text = path.read_text()
        mended = HEADERS.sub(lambda _: headers, NUMPY.sub(lambda _: numpy, text))
        if mended != text:
            path.write_text(mended)
