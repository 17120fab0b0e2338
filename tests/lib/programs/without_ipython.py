"""Train outside Jupyter; print which of its modules that has imported."""

import sys

import quick_training

quick_training.run()
print({"IPython"} & set(sys.modules))
