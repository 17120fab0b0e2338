"""Train in TensorFlow where AutoGraph converts nothing.

AutoGraph takes for a builtin what lies where one lay when TensorFlow was
imported, in a notebook a method now and then: here everything.
"""

from small_runs import network, train
from tensorflow.python.autograph.pyct import inspect_utils

from d2lutils import backends

inspect_utils.isbuiltin = lambda function: True
backend = backends.get("tensorflow")
print(train(backend, network(backend), 1)["test_acc"])
