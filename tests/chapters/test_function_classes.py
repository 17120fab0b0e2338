"""What `chapters/function_classes.md` says, in each framework."""

import json

import numpy as np
import pytest
from chapter_code import run_chapter
from selection import selected_frameworks

# Cells that train, or show what was trained.
SKIPPED = ("= make_step(net", "plot_runs(", "half_epoch:", "def report(")

ADAPTERS = {
    "pytorch": """
def array(X):
    return torch.tensor(X.transpose(0, 3, 1, 2))

def in_training(block, X):
    return d2l.numpy(block.train()(array(X))).transpose(0, 2, 3, 1)

def last_block(net):
    return net.layer3[1]

def switch_off(block):
    nn.init.zeros_(block.bn2.weight)

labels = torch.tensor
""",
    "tensorflow": """
array = tf.constant
labels = lambda y: tf.constant(y, tf.int32)

def in_training(block, X):
    return d2l.numpy(block(array(X), training=True))

def last_block(net):
    return net.get_layer("layer3").layers[1]

def switch_off(block):
    block.bn2.gamma.assign(tf.zeros_like(block.bn2.gamma))
""",
    "mxnet": """
from mxnet import autograd, np as mnp

def array(X):
    return mnp.array(X.transpose(0, 3, 1, 2))

def labels(y):
    return mnp.array(y, dtype="int32")

def in_training(block, X):
    with autograd.train_mode():
        return d2l.numpy(block(array(X))).transpose(0, 2, 3, 1)

def last_block(net):
    return net._children["layer3"][1]

def switch_off(block):
    block.bn2.gamma.set_data(mnp.zeros_like(block.bn2.gamma.data()))
""",
}

FACTS = """
import json

rng = np.random.default_rng(0)
X = rng.uniform(size=(6, 28, 28, 1)).astype("float32")
y = np.arange(6)
facts = {"nested": nested.tolist(), "scattered": scattered.tolist()}
for name, net in nets.items():
    layers_on_path = [key for key in d2l.get_weights(net)
                      if key.endswith("weight") and "bn" not in key
                      and "downsample" not in key]
    facts[name] = [len(layers_on_path), num_parameters(net)]

for kind, block in ("plain", PlainBlock), ("residual", BasicBlock):
    d2l.set_seed(0)
    small, deep = new_network(block, 1, 16), new_network(block, 3, 16)
    step = make_step(small, 0.05)
    losses = [step(array(X), labels(y)) for _ in range(3)]
    facts[kind, "losses"] = losses
    if kind == "plain":
        d2l.set_weights(deep, embed(*map(d2l.get_weights, (small, deep))))
        scores = make_score(small)(array(X)), make_score(deep)(array(X))
        facts["scores"] = [S.tolist() for S in scores]
    drawn = random_weights(d2l.get_weights(new_network(block, 1, 16)),
                           np.random.default_rng(0))
    facts[kind, "drawn"] = {
        key: float(abs(W).sum()) for key, W in drawn.items()}
    facts[kind, "spread"] = float(np.std(drawn["layer3.0.conv2.weight"]))
    facts[kind, "bound"] = float(abs(drawn["fc.weight"]).max())

start = {key: X.shape for key, X in d2l.get_weights(small).items()}
facts["names"] = sorted(start)
facts["shape"] = make_score(small)(array(X)).shape

# Identities: exact for the residual block, in either mode.
X = rng.uniform(size=(4, 8, 8, 64)).astype("float32")
net = new_network(PlainBlock, 2, 16)
shallow = d2l.get_weights(new_network(PlainBlock, 1, 16))
d2l.set_weights(net, embed(shallow, d2l.get_weights(net)))
block = last_block(net)
facts["plain changes"] = float(abs(in_training(block, X) - X).max())
net = new_network(BasicBlock, 2, 16)
make_score(net)(array(rng.uniform(size=(2, 8, 8, 1)).astype("float32")))
block = last_block(net)
switch_off(block)
facts["residual changes"] = float(abs(in_training(block, X) - X).max())

# Degradation, on one batch again and again, so that it takes seconds only.
X, y = next(iter(train_iter))
for name, block, n in [("shallow", PlainBlock, 1), ("deep", PlainBlock, 5),
                       ("residual", BasicBlock, 5)]:
    net, rng = new_network(block, n, 16), np.random.default_rng(0)
    d2l.set_weights(net, random_weights(d2l.get_weights(net), rng))
    step = make_step(net, lr)
    facts["after training", name] = [step(X, y) for _ in range(30)][-1]
print("FACTS", json.dumps({str(key): fact for key, fact in facts.items()}))
"""


@pytest.fixture(scope="module")
def all_facts():
    facts = {}
    for framework in selected_frameworks():
        extra = ADAPTERS[framework] + FACTS
        text = run_chapter("function_classes", framework, SKIPPED, extra)
        facts[framework] = json.loads(text.partition("FACTS ")[2])
    return facts


@pytest.fixture(params=selected_frameworks())
def facts(request, all_facts):
    return all_facts[request.param]


def test_depth_and_parameters_are_those_of_the_formulas(facts):
    c = 16
    for n in 3, 7:
        plain = n * (378 * c**2 + 28 * c) - 90 * c**2 + 51 * c + 10
        assert facts[f"plain-{6 * n + 2}"] == [6 * n + 2, plain]
        residual = plain + 10 * c**2 + 12 * c
        assert facts[f"residual-{6 * n + 2}"] == [6 * n + 2, residual]
        assert residual - plain == 2752


def test_nested_classes_order_the_training_loss_and_nothing_else(facts):
    nested, scattered = map(np.array, (facts["nested"], facts["scattered"]))
    assert (np.diff(nested[:, 0]) <= 1e-12).all()
    assert (np.diff(scattered[:, 0]) > 0.01).any()
    assert (np.diff(scattered[:, 0]) < -0.01).any()
    test = nested[:, 1]
    assert test.min() < 0.5 * test[0] < test[0] < test[-1]


def test_a_deep_plain_network_can_be_the_shallow_one(facts):
    shallow, deep = map(np.array, facts["scores"])
    assert shallow.shape == (6, 10)
    assert np.ptp(shallow) > 1e-3
    np.testing.assert_allclose(deep, shallow, rtol=1e-4, atol=1e-4)


def test_in_training_mode_only_the_residual_block_is_the_identity(facts):
    assert facts["plain changes"] > 0.1
    assert facts["residual changes"] < 1e-6


def test_the_parts_have_the_names_of_a_resnet(facts):
    assert facts["shape"] == [6, 10]
    names = set(facts["names"])
    assert {"conv1.weight", "bn1.weight", "fc.weight", "fc.bias"} < names
    stages = {name.split(".")[0] for name in names if "layer" in name}
    assert stages == {"layer1", "layer2", "layer3"}
    blocks = {name.split(".")[2] for name in names if "layer" in name}
    assert blocks == {"conv1", "bn1", "conv2", "bn2", "downsample"}
    shortcuts = {name for name in names if "downsample.0" in name}
    assert shortcuts == {
        "layer2.0.downsample.0.weight",
        "layer3.0.downsample.0.weight",
    }


def test_the_frameworks_start_from_the_same_weights(all_facts):
    first, *others = all_facts.values()
    for kind in "plain", "residual":
        drawn = first[str((kind, "drawn"))]
        for other in others:
            found = other[str((kind, "drawn"))]
            assert found.keys() == drawn.keys()
            for name, total in drawn.items():
                assert found[name] == pytest.approx(total, rel=1e-5), name
        spread = first[str((kind, "spread"))]
        assert spread == pytest.approx(np.sqrt(2 / (9 * 64)), rel=0.02)
        assert 0.12 < first[str((kind, "bound"))] <= 0.125


def test_both_kinds_learn(facts):
    for kind in "plain", "residual":
        losses = facts[str((kind, "losses"))]
        assert losses[-1] < losses[0]


def test_depth_hinders_the_training_of_plain_networks_only(facts):
    names = ("shallow", "deep", "residual")
    shallow, deep, residual = (
        facts[str(("after training", n))] for n in names
    )
    assert deep > shallow + 0.2
    assert residual < deep - 0.3
