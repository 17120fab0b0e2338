"""Do on the pretended GPU what a GPU refuses: `refused_on_gpu.py add`."""

import sys

import pretended_gpu

pretended_gpu.start()

import torch  # noqa: E402

X = 2 * torch.ones(2).to("cuda")
X + X.cpu().cuda()  # is not refused
refused = {
    "add": lambda: X + torch.ones(2),
    "layer": lambda: torch.nn.Linear(2, 1)(X),
    "index": lambda: torch.ones(2)[X.long()],
    "numpy": lambda: X.numpy(),
}
refused[sys.argv[1]]()
