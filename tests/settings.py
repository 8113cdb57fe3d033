"""Dateline's settings as they are by default: no variable and no dateline.toml of this machine counts."""

import atexit
import os
import shutil
import tempfile

_folder = tempfile.mkdtemp(prefix="dateline-test-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
for _name in [name for name in os.environ if name.startswith("DATELINE_")]:
    del os.environ[_name]
os.environ["DATELINE_HOME"] = _folder
_before = os.getcwd()
os.chdir(_folder)
from dateline.settings import *  # noqa: E402, F403

os.chdir(_before)
