"""Import a framework's face where a module is not installed.

`python absent.py pytorch torch`
"""

import importlib
import sys

from d2lutils.frameworks import FRAMEWORKS

key, absent = sys.argv[1:]
sys.modules[absent] = None
importlib.import_module(f"d2lutils.{FRAMEWORKS[key].module}")
