"""Batches and networks as readers bring them: a module for each framework.

Each has `TYPES`, the types of tensors besides those of NumPy's arrays that
all know; `of_type`, which makes a tensor of one; `LOADERS`, which make
batches of arrays as the framework's own tools do; and `exhausted`, the error
of a device without memory.
"""
