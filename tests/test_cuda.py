"""What can be shown on a GPU only; elsewhere these tests are skipped."""

import os
import subprocess
import sys

import pytest
from conftest import selected_frameworks

ABSENT = 77

NO_STEP_WAITS = f"""
import torch
from d2lutils import torch as d2l
from d2lutils.engines.torch import Engine
from d2lutils.models.torch import resnet18

if not torch.cuda.is_available():
    raise SystemExit({ABSENT})
options = dict(
    optimizer="momentum", weight_decay=1e-4, label_smoothing=0.1,
    mixed_precision=True,
)
train_iter, _ = d2l.load_data_fashion_mnist(32, resize=32, augment=True)
engine = Engine(resnet18(), d2l.try_gpu(), options)
for mode in "default", "error":  # the first epoch chooses algorithms
    engine.start()
    torch.cuda.set_sync_debug_mode(mode)
    for X, y in train_iter:
        engine.step(X, y, 0.01)
    torch.cuda.set_sync_debug_mode("default")
loss, correct, finite = engine.sums()
assert finite == len(train_iter), finite
torch.cuda.set_sync_debug_mode("error")
try:
    engine.sums()
except RuntimeError:
    print("a waiting step would have been seen")
"""


def test_no_step_waits_for_the_gpu():
    if "pytorch" not in selected_frameworks():
        pytest.skip("this is PyTorch's only")
    done = subprocess.run(
        [sys.executable, "-c", NO_STEP_WAITS],
        env={**os.environ, "D2L_SCALE": "smoke"},
        capture_output=True,
        text=True,
    )
    if done.returncode == ABSENT:
        pytest.skip("PyTorch finds no CUDA here")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "a waiting step would have been seen\n"
