"""What a GPU changes; some of it can be shown on one only."""

import os
import subprocess
import sys

import pytest
from chapter_code import ENVIRONMENT, ROOT, run_chapter
from selection import selected_frameworks

ABSENT = 77
PRETEND = f"""
import sys
sys.path.insert(0, {str(ROOT / "tests/lib")!r})
import pretended_gpu
pretended_gpu.start()
"""

NO_STEP_WAITS = f"""
import torch
from d2lutils import torch as d2l
from d2lutils.backends.torch import Engine
from d2lutils.models.torch import resnet18
from d2lutils.training import Options

if not torch.cuda.is_available():
    raise SystemExit({ABSENT})
options = Options(
    num_epochs=1, lr=0.01, optimizer="momentum", weight_decay=1e-4,
    label_smoothing=0.1, mixed_precision=True,
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


NOTEBOOKS = sorted(
    str(path.relative_to(ROOT / "notebooks" / "pytorch").with_suffix(""))
    for folder in ("", "solutions")
    for path in ROOT.joinpath("notebooks", "pytorch", folder).glob("*.ipynb")
)


@pytest.fixture(autouse=True)
def pytorch():
    if "pytorch" not in selected_frameworks():
        pytest.skip("this is PyTorch's only")


def test_no_step_waits_for_the_gpu():
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


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_chapters_bring_all_to_the_device(name):
    # The loader's batches are on the GPU; is the rest?
    run_chapter(name, "pytorch", before=PRETEND)


USES = f"""
{PRETEND}
from d2lutils import torch as d2l
from d2lutils.models.torch import QuickResNet

d2l.set_seed(0)
net = QuickResNet(channels=8)
iters = d2l.load_data_fashion_mnist(32, augment=True)
options = dict(optimizer="momentum", mixed_precision=True, checkpoint="run")
histories = [d2l.fit(net, *iters, 1, 0.1, **options) for _ in range(2)]
assert histories[0] == histories[1]
assert next(net.parameters()).is_cuda
d2l.set_weights(net, d2l.get_weights(net))
assert d2l.evaluate_accuracy(net, iters[1]) == histories[0]["test_acc"][-1]
X, y = next(iter(iters[0]))
assert X.is_cuda and y.is_cuda
d2l.show_images(X[:4], 1, 4, titles=d2l.get_fashion_mnist_labels(y[:4]))
d2l.plot(net(X).mean(dim=0))
"""


def test_utilities_take_what_is_on_the_gpu(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", USES],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("X + torch.ones(2)", "on the GPU and the processor"),
        ("torch.nn.Linear(2, 1)(X)", "on the GPU and the processor"),
        ("torch.ones(2)[X.long()]", "on the GPU and the processor"),
        ("(2 * X).numpy()", "no NumPy array"),
    ],
)
def test_pretended_gpu_refuses_what_a_gpu_does(code, words):
    program = f'{PRETEND}\nimport torch\nX = torch.ones(2).to("cuda")\n'
    done = subprocess.run(
        [sys.executable, "-c", f"{program}X + X.cpu().cuda()\n{code}"],
        capture_output=True,
        text=True,
    )
    assert done.stderr.count("Traceback") == 1
    assert words in done.stderr.splitlines()[-1]
