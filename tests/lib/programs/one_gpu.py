"""Print which of four GPUs a process of PyTorch's takes: `one_gpu.py 2`."""

import os
import sys

import torch

from d2lutils.backends.torch import _see_one_gpu

torch.cuda.device_count = lambda: 4
_see_one_gpu(int(sys.argv[1]))
print(os.environ["CUDA_VISIBLE_DEVICES"])
