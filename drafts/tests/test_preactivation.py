"""What `chapters/preactivation.md` claims, in each framework.

The chapter's own cells run, but for the long training, in a process of its
own for each framework; further measurements follow.
"""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import selected_frameworks

CHAPTER = Path(__file__).parents[1] / "chapters/preactivation.md"

CHILD = """
import json, sys
from pathlib import Path
import numpy as onp
from bookbuild.chapter import read

framework, chapter = sys.argv[1:]
code = [cell.source for cell in read(Path(chapter)).code(framework)]
until, = [i for i, text in enumerate(code) if text.startswith("runs = ")]
exec(chr(10).join(code[:until]))
facts = {"share": share}
nets = SmallResNet(BasicBlock, 3), PreActResNet(3)
rng = onp.random.default_rng(0)
RANDOM = rng.normal(size=(4, 3, 6, 6)).astype("float32")
"""

MEASURES = {
    "pytorch": """
post, pre, strided = BasicBlock(3, 3), PreActBlock(3, 3), PreActBlock(3, 6, 2)
nn.init.zeros_(post.bn2.weight)
nn.init.zeros_(pre.conv2.weight)
nn.init.zeros_(strided.conv2.weight)
X = torch.tensor(RANDOM, requires_grad=True)
for name, blk in (("post", post), ("pre", pre)):
    Y = blk(X)
    grad, = torch.autograd.grad(Y, X, X.detach())
    facts[name] = [float((Y - X).abs().max()), float((grad - X).abs().max())]
X = X.detach()
facts["cut"] = float((post(X) - F.relu(X)).abs().max())
shortcut = strided.projection(F.relu(strided.bn1(X)))
facts["projection"] = float((strided(X) - shortcut).abs().max())
facts["shape"] = list(strided(X).shape)
facts["names"] = [name for name, _ in nets[1].named_children()]
facts["parameters"] = [num_parameters(net) for net in nets]

def running():
    return [v.numpy().copy() for k, v in net.named_buffers()
            if "running" in k]
net = PreActResNet(1)
before = running()
""",
    "tensorflow": """
post, pre, strided = BasicBlock(3, 3), PreActBlock(3, 3), PreActBlock(3, 6, 2)
X = tf.constant(RANDOM.transpose(0, 2, 3, 1))
post(X), pre(X), strided(X)
post.bn2.gamma.assign(tf.zeros_like(post.bn2.gamma))
for blk in (pre, strided):
    for weight in blk.conv2.trainable_weights:
        weight.assign(tf.zeros_like(weight))
def largest(X):
    return float(tf.reduce_max(tf.abs(X)))
for name, blk in (("post", post), ("pre", pre)):
    with tf.GradientTape() as tape:
        tape.watch(X)
        Y = blk(X, training=True)
    facts[name] = [largest(Y - X), largest(tape.gradient(Y, X, X) - X)]
facts["cut"] = largest(post(X, training=True) - tf.nn.relu(X))
shortcut = strided.projection(tf.nn.relu(strided.bn1(X, training=True)))
Y = strided(X, training=True)
facts["projection"] = largest(Y - shortcut)
facts["shape"] = [Y.shape[i] for i in (0, 3, 1, 2)]
facts["names"] = [layer.name for layer in nets[1].layers]
for net in nets:
    net(images)
facts["parameters"] = [num_parameters(net) for net in nets]

def running():
    return [w.numpy() for w in net.non_trainable_weights
            if "moving" in w.path]
net = PreActResNet(1)
net(images)
before = running()
""",
    "mxnet": """
post, pre, strided = BasicBlock(3, 3), PreActBlock(3, 3), PreActBlock(3, 6, 2)
for blk in (post, pre, strided):
    blk.initialize()
post.bn2.gamma.set_data(np.zeros(3))
for blk in (pre, strided):
    blk.conv2.weight.set_data(np.zeros(blk.conv2.weight.shape))
X = np.array(RANDOM)
X.attach_grad()
for name, blk in (("post", post), ("pre", pre)):
    with autograd.record():
        Y = blk(X)
    Y.backward(X.copy())
    facts[name] = [float(np.abs(Y - X).max()),
                   float(np.abs(X.grad - X).max())]
with autograd.train_mode():
    facts["cut"] = float(np.abs(post(X) - np.maximum(X, 0)).max())
    shortcut = strided.projection(np.maximum(strided.bn1(X), 0))
    Y = strided(X)
facts["projection"] = float(np.abs(Y - shortcut).max())
facts["shape"] = list(Y.shape)
facts["names"] = list(nets[1]._children)
facts["parameters"] = [num_parameters(net) for net in nets]

def running():
    return [p.data().asnumpy() for k, p in net.collect_params().items()
            if "running" in k]
net = PreActResNet(1)
net.initialize()
before = running()
""",
}

REPORT = """
history = d2l.fit(net, train_iter, test_iter, 1, 0.1)
moved = [bool((a != b).any()) for a, b in zip(before, running())]
facts["moved"] = moved
facts["loss"] = history["train_loss"][-1]
print("FACTS", json.dumps(facts))
"""


@pytest.fixture(scope="module", params=selected_frameworks())
def facts(request):
    child = CHILD + MEASURES[request.param] + REPORT
    environment = {"D2L_SCALE": "smoke", "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, "-c", child, request.param, str(CHAPTER)],
        cwd=CHAPTER.parents[1],
        env={**os.environ, **environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.rpartition("FACTS ")[2])


def test_relus_close_most_of_the_direct_path(facts):
    share = facts["share"]
    assert len(share) == 18
    assert all(later <= earlier for earlier, later in pairwise(share))
    assert 0.5 < share[0] < 0.75
    assert 0.1 < share[-1] < 0.3
    # fewer and fewer
    assert share[0] - share[3] > 2 * (share[-4] - share[-1])


def test_switched_off_block_is_exactly_the_identity(facts):
    assert facts["pre"] == [0, 0]


def test_post_activation_block_is_so_for_non_negative_input_only(facts):
    change, gradient = facts["post"]
    assert change > 1
    assert gradient > 1
    assert facts["cut"] == 0


def test_projection_reads_the_activated_input(facts):
    assert facts["projection"] < 1e-6
    assert facts["shape"] == [4, 6, 3, 3]


def test_network_has_its_parts(facts):
    names = [name for name in facts["names"] if name != "flatten"]
    assert names == [
        "conv1",
        "layer1",
        "layer2",
        "layer3",
        "bn",
        "relu",
        "avgpool",
        "fc",
    ]


def test_batch_normalisations_make_the_difference(facts):
    small, pre = facts["parameters"]
    assert small == 272_186
    # the stem's 16 and the projections' 32 + 64 are gone, the first ones of
    # the strided blocks have 16 + 32 fewer, and the last one has 64
    assert small - pre == 2 * (16 + 32 + 64 + 16 + 32 - 64)


def test_training_reaches_every_batch_normalisation(facts):
    # mean and variance of two a block and one at the end
    assert facts["moved"] == [True] * 2 * (2 * 3 + 1)
    assert np.isfinite(facts["loss"])
