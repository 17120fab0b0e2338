"""Import modules; print, as JSON, what of ours and of frameworks came along.

`python imported.py d2lutils.data d2lutils.plot`
"""

import importlib
import json
import sys

for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted(sys.modules)))
