"""Data loading and training, the same in PyTorch, TensorFlow and MXNet.

Import one framework's face of it::

    from d2lutils import torch as d2l  # or tensorflow, or mxnet

Importing the package itself imports no framework.
"""
