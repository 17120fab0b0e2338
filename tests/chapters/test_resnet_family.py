"""What `chapters/resnet_family.md` says of the five networks.

Each framework computes its facts in a process of its own; the tests
compare them with the published figures, and the figures in the text with
what the networks give.
"""

import ast
import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from chapter_code import run_chapter
from selection import FRAMEWORKS, selected_frameworks

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "chapters/resnet_family.md").read_text("utf-8")

NAMES = [18, 34, 50, 101, 152]
BLOCKS = [
    (2, 2, 2, 2),
    (3, 4, 6, 3),
    (3, 4, 6, 3),
    (3, 4, 23, 3),
    (3, 8, 36, 3),
]

# torchvision's figures: 1,000 classes, three channels, 224 × 224.
PARAMETERS = [11_689_512, 21_797_672, 25_557_032, 44_549_160, 60_192_808]
GMACS = ["1.814", "3.664", "4.089", "7.801", "11.514"]
# Ten classes, one channel.
SMALL = [11_175_370, 21_283_530, 23_522_250, 42_514_378, 58_158_026]

# He et al. (2016): FLOPs (multiply-adds) of Table 1 in 10⁹; top-1 error in %
# with 10 crops, Tables 2 and 3; ResNet-34 of option B, Table 3.
STATED = {18: 1.8, 34: 3.6, 50: 3.8, 101: 7.6, 152: 11.3}
RESIDUAL = {18: 27.88, 34: 25.03, 50: 22.85, 101: 21.75, 152: 21.43}
PLAIN = {18: 27.94, 34: 28.54}
OPTION_B = 24.52
STRIKES_BACK = 80.4  # top-1 accuracy, Wightman et al. (2021), abstract

FACTS = """
import json
from d2lutils import {module} as d2l
from d2lutils.models import {module} as models

{adapter}

networks = []
for name in 18, 34, 50, 101, 152:
    make = getattr(models, f"resnet{name}")
    net = make(num_classes=1000, in_channels=3)
    macs = models.num_macs(net, image(3, 224))
    stages = [layer for part, layer in parts(net) if part[:5] == "layer"]
    networks.append(dict(
        macs=macs, params=models.num_parameters(net),
        matrices=sum(len(shape) > 1 for shape in shapes(net)),
        kernels=sum(len(shape) == 4 for shape in shapes(net)),
        blocks=[len(blocks(stage)) for stage in stages],
        block={type(b).__name__ for stage in stages for b in blocks(stage)},
        projects=[[projects(b) for b in blocks(stage)] for stage in stages]))
    if name == 50:
        ready(net)
        X, table = zeros(3, 224), []
        for part, layer in parts(net):
            macs = models.num_macs(layer, X.shape)
            X = layer(X)
            table.append([part, channels_first(X.shape),
                          models.num_parameters(layer), macs])
    if name in (18, 50):
        net, X = ready(make()), zeros(1, 96)
        networks[-1]["sides"] = []
        for part, layer in parts(net):
            X = layer(X)
            if part[:5] in ("layer", "maxpo"):
                networks[-1]["sides"].append(channels_first(X.shape))
        networks[-1]["out"] = list(X.shape)
        networks[-1]["small"] = models.num_parameters(net)
print(json.dumps(dict(networks=networks, table=table), default=list))
"""

ADAPTERS = {
    "pytorch": """
import torch


def ready(net):
    return net.eval()


def image(channels, side):
    return 1, channels, side, side


def zeros(channels, side):
    return torch.zeros(1, channels, side, side)


def channels_first(shape):
    return list(shape[1:])


def parts(net):
    return list(net.named_children())


def blocks(stage):
    return list(stage)


def projects(block):
    return len(block.shortcut) > 0


def shapes(net):
    return [p.shape for p in net.parameters()]
""",
    "tensorflow": """
import tensorflow as tf
from tensorflow.keras import layers


def ready(net):
    return net


def image(channels, side):
    return 1, side, side, channels


def zeros(channels, side):
    return tf.zeros((1, side, side, channels))


def channels_first(shape):
    return [shape[-1], *shape[1:-1]]


def parts(net):
    return [(layer.name, layer) for layer in net.layers]


def blocks(stage):
    return stage.layers


def projects(block):
    return not isinstance(block.shortcut, layers.Identity)


def shapes(net):
    return [w.shape for w in net.trainable_weights]
""",
    "mxnet": """
from mxnet import np


def ready(net):
    net.initialize()
    return net


def image(channels, side):
    return 1, channels, side, side


def zeros(channels, side):
    return np.zeros((1, channels, side, side))


def channels_first(shape):
    return list(shape[1:])


def parts(net):
    return list(net._children.items())


def blocks(stage):
    return list(stage)


def projects(block):
    return len(block.shortcut) > 0


def shapes(net):
    params = net.collect_params().values()
    return [p.shape for p in params if p.grad_req != "null"]
""",
}


@pytest.fixture(scope="module")
def facts():
    """Framework → the five networks, and ResNet-50 part by part."""
    results = {}
    for framework in selected_frameworks():
        code = FACTS.replace("{module}", FRAMEWORKS[framework])
        code = code.replace("{adapter}", ADAPTERS[framework])
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "OMP_NUM_THREADS": "2"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{framework}: {done.stderr}"
        assert done.stderr == "", f"{framework}: {done.stderr}"
        results[framework] = json.loads(done.stdout)
    return results


each = pytest.mark.parametrize("framework", selected_frameworks())


@each
def test_parameters_are_the_published_ones(facts, framework):
    networks = facts[framework]["networks"]
    assert [net["params"] for net in networks] == PARAMETERS
    for net, params in zip(networks, SMALL, strict=True):
        assert net.get("small", params) == params
    assert sum("small" in net for net in networks) == 2


@each
def test_macs_are_the_published_ones(facts, framework):
    networks = facts[framework]["networks"]
    assert [f"{net['macs'] / 1e9:.3f}" for net in networks] == GMACS


@each
def test_names_count_the_layers_on_the_main_path(facts, framework):
    for name, net in zip(NAMES, facts[framework]["networks"], strict=True):
        projections = sum(sum(stage) for stage in net["projects"])
        assert projections == (3 if name < 50 else 4)
        assert net["matrices"] == name + projections
        assert net["kernels"] == name - 1 + projections
    assert facts[framework]["networks"][2]["kernels"] == 53


@each
def test_blocks_of_the_stages(facts, framework):
    networks = facts[framework]["networks"]
    assert [tuple(net["blocks"]) for net in networks] == BLOCKS
    basic, deep = [["BasicBlock"]] * 2, [["Bottleneck"]] * 3
    assert [net["block"] for net in networks] == basic + deep


@each
def test_only_the_first_block_of_a_stage_projects(facts, framework):
    for name, net in zip(NAMES, facts[framework]["networks"], strict=True):
        first = [stage[0] for stage in net["projects"]]
        assert first == [name >= 50, True, True, True]
        assert not any(any(stage[1:]) for stage in net["projects"])


@each
def test_shapes_of_the_stages(facts, framework):
    first, _, deep, *_ = facts[framework]["networks"]
    for net, wide in ((first, 1), (deep, 4)):
        stages = [(64, 24), (128, 12), (256, 6), (512, 3)]
        shapes = [[c * wide, side, side] for c, side in stages]
        assert net["sides"] == [[64, 24, 24], *shapes]
        assert net["out"] == [1, 10]


@each
def test_resnet50_part_by_part(facts, framework):
    rows = {row[0]: row[1:] for row in facts[framework]["table"]}
    shapes = {
        "conv1": [64, 112, 112],
        "maxpool": [64, 56, 56],
        "layer1": [256, 56, 56],
        "layer2": [512, 28, 28],
        "layer3": [1024, 14, 14],
        "layer4": [2048, 7, 7],
        "fc": [1000],
    }
    assert {name: rows[name][0] for name in shapes} == shapes
    net = facts[framework]["networks"][2]
    assert sum(params for _, params, _ in rows.values()) == net["params"]
    assert sum(macs for *_, macs in rows.values()) == net["macs"]
    stages = [rows[f"layer{n}"] for n in (1, 2, 3, 4)]
    assert stages[2][1] + stages[3][1] > 0.8 * net["params"]
    assert max(macs for *_, macs in stages) == stages[2][2]
    assert rows["fc"][1] > 2e6
    assert rows["fc"][2] < 1e-3 * net["macs"]
    # Where the channels double, an identity block of bottlenecks costs the
    # same and has about four times the parameters.
    per_block = [17 * c**2 + 12 * c for c in (64, 128, 256, 512)]
    for before, after in pairwise(per_block):
        assert after / before == pytest.approx(4, abs=0.1)


@each
def test_figure_shows_the_shapes(facts, framework):
    figure = (ROOT / "img/resnet50.svg").read_text("utf-8")
    for name, shape, *_ in facts[framework]["table"]:
        if name in ("conv1", "maxpool") or name.startswith("layer"):
            assert f">{'×'.join(map(str, shape))}<" in figure
    drawn = [int(n) for n in re.findall(r">(\d) blocks<", figure)]
    assert drawn == facts[framework]["networks"][2]["blocks"]


def prose():
    """The chapter without its code, its front matter and its tables."""
    text = TEXT.split("---\n", 2)[2]
    return re.sub(r"```\{(code-cell|list-table)\}.*?```", "", text, flags=re.S)


def assigned(name):
    """The value that the chapter's code gives to a variable."""
    for cell in re.findall(r"```\{code-cell\}\n(.*?)```", TEXT, flags=re.S):
        for node in ast.parse(re.sub(r"^:tags:.*\n", "", cell)).body:
            if isinstance(node, ast.Assign):
                (target,) = node.targets
                if getattr(target, "id", None) == name:
                    return ast.literal_eval(node.value)
    raise LookupError(name)


@each
def test_numbers_in_the_text_are_those_of_the_networks(facts, framework):
    """Every number with a comma or a decimal point is counted or cited."""
    networks = facts[framework]["networks"]
    right = {f"{net['params']:,}" for net in networks}
    right |= {f"{net['macs'] / 1e9:.3f}" for net in networks}
    right |= {
        "1,000",  # classes of ImageNet
        f"{RESIDUAL[101] - RESIDUAL[152]:.2f}",
        f"{PLAIN[18] - RESIDUAL[18]:.2f}",
        f"{RESIDUAL[34] - OPTION_B:.2f}",
        f"{OPTION_B}",
        f"{STRIKES_BACK}",
    }
    text = prose().replace("{,}", ",")
    assert set(re.findall(r"\d+(?:,\d{3})+|\d+\.\d+", text)) == right


@each
def test_ratios_in_the_text(facts, framework):
    first, basic, deep, _, last = facts[framework]["networks"]
    text = " ".join(prose().split())
    more = [
        round(100 * (deep[key] / basic[key] - 1)) for key in ("params", "macs")
    ]
    assert "17 % more parameters and 12 % more arithmetic" in text
    assert more == [17, 12]
    assert 152 / 18 > 8
    assert round(last["params"] / first["params"]) == 5
    assert round(last["macs"] / first["macs"]) == 6
    assert "the 990 missing classes" in text
    for net, small in zip(facts[framework]["networks"], SMALL, strict=True):
        inputs = 512 if net["block"] == ["BasicBlock"] else 2048
        missing = 2 * 7**2 * 64 + (1000 - 10) * (inputs + 1)
        assert net["params"] - missing == small


@each
def test_the_papers_networks_cost_what_it_states(facts, framework):
    option_a, early = 3 * 64 * 128 * 28**2, 3 * 6 * 128**2 * 28**2
    networks = facts[framework]["networks"]
    cost = {
        name: (net["macs"] - (option_a if name < 50 else early)) / 1e9
        for name, net in zip(NAMES, networks, strict=True)
    }
    assert cost == pytest.approx(STATED, abs=0.1)
    assert round(cost[152] / cost[101], 1) == 1.5  # "rises by half"
    ours = networks[2]["macs"] / 1e9
    assert 1 / 3 < ours / cost[152] < 0.4  # "little more than a third"


def test_published_figures_are_copied_rightly():
    assert assigned("stated") == STATED
    assert assigned("resnet") == RESIDUAL
    assert assigned("plain") == PLAIN
    assert assigned("num_blocks") == dict(zip(NAMES, BLOCKS, strict=True))
    assert PLAIN[34] - RESIDUAL[34] > 3
    assert min(RESIDUAL.values()) > 100 - STRIKES_BACK
    rows = re.findall(
        r"\* - ResNet-(\d+)\n  - (\w+)" + 4 * r"\n  - (\d+)", TEXT
    )
    assert [(int(r[0]), tuple(map(int, r[2:]))) for r in rows] == list(
        zip(NAMES, BLOCKS, strict=True)
    )
    assert [r[1] for r in rows] == 2 * ["basic"] + 3 * ["bottleneck"]


@pytest.mark.parametrize("framework", selected_frameworks())
def test_solutions_give_the_whole_network(framework):
    text = run_chapter("solutions/resnet_family", framework)
    assert f"ResNet-152: {GMACS[-1]} GMACs, 60.2 million parameters" in text
    assert f"to stage 1: {GMACS[-1]} GMACs" in text
    found = {
        n: int(s)
        for n, s in re.findall(r"(\d+) trainings .* (\d+)%", text)[:4]
    }
    assert found["4"] > 85 and found["5"] > 90
