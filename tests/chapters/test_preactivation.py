"""What `chapters/preactivation.md` says, in each framework.

The chapter's cells run at smoke scale, but for the training of the deep
networks; further measurements follow.
"""

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from chapter_code import run_chapter
from selection import selected_frameworks

TEXT = (Path(__file__).parents[2] / "chapters/preactivation.md").read_text(
    "utf-8"
)

# Cells that train, or show what was trained.
SKIPPED = ("def first_steps", "plt.subplots", "control = ")

ADAPTERS = {
    "pytorch": """
def array(X):
    return torch.tensor(X.transpose(0, 3, 1, 2))

def ready(net):
    return net.train()

def pulled(blk, X):
    X = array(X).requires_grad_()
    Y = blk(X)
    return numpy(Y), numpy(torch.autograd.grad(Y, X, X.detach())[0])

def numpy(Y):
    return d2l.numpy(Y).transpose(0, 2, 3, 1)

def relu(Y):
    return F.relu(Y)

def switch_off(blk):
    nn.init.zeros_(blk.conv2.weight)

def switch_off_norm(blk):
    nn.init.zeros_(blk.bn2.weight)

def run(blk, X):
    return blk(array(X))

def names(net):
    return [name for name, _ in net.named_children()]
""",
    "tensorflow": """
def array(X):
    return tf.constant(X)

def ready(net):
    net(tf.zeros((1, 6, 6, 3 if hasattr(net, "bn1") else 1)))
    return net

def pulled(blk, X):
    X = array(X)
    with tf.GradientTape() as tape:
        tape.watch(X)
        Y = blk(X, training=True)
    return numpy(Y), numpy(tape.gradient(Y, X, X))

def numpy(Y):
    return d2l.numpy(Y)

def relu(Y):
    return tf.nn.relu(Y)

def switch_off(blk):
    for weight in blk.conv2.trainable_weights:
        weight.assign(tf.zeros_like(weight))

def switch_off_norm(blk):
    blk.bn2.gamma.assign(tf.zeros_like(blk.bn2.gamma))

def run(blk, X):
    return blk(array(X), training=True)

def names(net):
    return [layer.name for layer in net.layers]
""",
    "mxnet": """
def array(X):
    return mx.np.array(X.transpose(0, 3, 1, 2))

def ready(net):
    net.initialize()
    return net

def pulled(blk, X):
    X = array(X)
    X.attach_grad()
    with autograd.record():
        Y = blk(X)
    Y.backward(X.copy())
    return numpy(Y), numpy(X.grad)

def numpy(Y):
    return d2l.numpy(Y).transpose(0, 2, 3, 1)

def relu(Y):
    return mx.npx.relu(Y)

def switch_off(blk):
    blk.conv2.weight.set_data(mx.np.zeros(blk.conv2.weight.shape))

def switch_off_norm(blk):
    blk.bn2.gamma.set_data(mx.np.zeros(blk.bn2.gamma.shape))

def run(blk, X):
    with autograd.train_mode():
        return blk(array(X))

def names(net):
    return list(net._children)
""",
}

FACTS = """
import json


def largest(X):
    return float(abs(X).max())


def epochs(net, count):
    step, weights = make_step(net, 0.1), d2l.get_weights(net)
    d2l.set_weights(net, draw_weights(weights))
    d2l.set_seed(0)
    batches, _ = d2l.load_data_fashion_mnist(32, resize=8)
    return [step(X, y) for _ in range(count) for X, y in batches]


facts = {"share": share}
X = np.random.default_rng(0).normal(size=(4, 6, 6, 3)).astype("float32")
post, pre = ready(BasicBlock(3, 3)), ready(PreActBlock(3, 3))
switch_off_norm(post)
switch_off(pre)
for name, blk in (("post", post), ("pre", pre)):
    Y, grad = pulled(blk, X)
    facts[name] = [largest(Y - X), largest(grad - X)]
facts["cut"] = largest(numpy(run(post, X)) - np.maximum(X, 0))
strided = ready(PreActBlock(3, 6, 2))
switch_off(strided)
Y = numpy(run(strided, X))
activated = numpy(relu(run(strided.bn1, X)))
facts["projection"] = largest(Y - numpy(run(strided.projection, activated)))
facts["shape"] = Y.shape
nets = {"small": ready(SmallResNet(BasicBlock, 3)),
        "pre": ready(PreActResNet(3)),
        "control": normalise_sum(SmallResNet(BasicBlock, 1))}
ready(nets["control"])
facts["names"] = names(nets["pre"])
facts["parameters"] = {name: num_parameters(net)
                       for name, net in nets.items()}
net = ready(PreActResNet(1))
before = d2l.get_weights(net)
facts["losses"] = epochs(net, 3)
after = d2l.get_weights(net)
facts["moved"] = [bool((after[name] != W).all()) for name, W in before.items()
                  if "running_mean" in name]
facts["control"] = epochs(nets["control"], 1)
print("FACTS", json.dumps(facts))
"""


@pytest.fixture(scope="module")
def all_facts():
    facts = {}
    for framework in selected_frameworks():
        extra = ADAPTERS[framework] + FACTS
        text = run_chapter("preactivation", framework, SKIPPED, extra)
        facts[framework] = json.loads(text.rpartition("FACTS ")[2])
        facts[framework]["printed"] = text
    return facts


@pytest.fixture(params=selected_frameworks())
def facts(request, all_facts):
    return all_facts[request.param]


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
    found = re.search(r"pre   largest change (\S+).* (\d+)%", facts["printed"])
    assert found.groups() == ("0.00", "100")


def test_post_activation_block_is_so_for_non_negative_input_only(facts):
    change, gradient = facts["post"]
    assert change > 1
    assert gradient > 1
    assert facts["cut"] == 0


def test_projection_reads_the_activated_input(facts):
    assert facts["projection"] < 1e-5
    assert facts["shape"] == [4, 3, 3, 6]


def test_network_has_its_parts(facts):
    names = [name for name in facts["names"] if name != "flatten"]
    stages = ["layer1", "layer2", "layer3"]
    assert names == ["conv1", *stages, "bn", "relu", "avgpool", "fc"]


def test_batch_normalisations_make_the_difference(facts):
    small, pre = facts["parameters"]["small"], facts["parameters"]["pre"]
    # the stem's 16 and the projections' 32 + 64 are gone, the first ones of
    # the strided blocks have 16 + 32 fewer, and the last one has 64
    difference = 2 * (16 + 32 + 64 + 16 + 32 - 64)
    assert small - pre == difference
    printed = re.findall(r"ResNet +(\d+,\d+)", facts["printed"])
    small, pre = (int(number.replace(",", "")) for number in printed)
    assert small - pre == difference


def test_training_reaches_every_batch_normalisation(facts):
    # two a block and one at the end
    assert facts["moved"] == [True] * (2 * 3 + 1)
    assert np.mean(facts["losses"][-4:]) < np.mean(facts["losses"][:4])


def test_control_differs_by_one_batch_normalisation(facts):
    n, c = 1, 16  # the parameters of SmallResNet by its formula
    plain = n * (378 * c**2 + 28 * c) - 90 * c**2 + 51 * c + 10
    residual = plain + 10 * c**2 + 12 * c
    assert facts["parameters"]["control"] == residual + 2 * 64


def test_frameworks_run_the_same_experiment(all_facts):
    first, *others = all_facts.values()
    for other in others:
        for name in ("losses", "control"):
            found, expected = (np.array(f[name])[:4] for f in (other, first))
            np.testing.assert_allclose(found, expected, rtol=0.02)


def test_depths_in_the_text():
    for n, depth in (2, 14), (7, 44):
        assert 3 * 2 * n + 2 == depth
        assert f"{depth} layers" in TEXT
    assert "There are 21 blocks" in " ".join(TEXT.split())
    assert 3 * 7 == 21
