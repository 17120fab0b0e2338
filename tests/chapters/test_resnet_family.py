"""What `chapters/resnet_family.md` says of the five networks.

The networks are compared with the published figures, and the figures in the
text with what the networks give, in each framework.
"""

import ast
import importlib
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from chapter_code import run_chapter
from selection import selected_frameworks

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


@pytest.fixture(scope="module")
def parts(backend):
    """A network → its parts, with their names."""
    name = f"specifics.{backend.row.module}"
    return importlib.import_module(name).parts


@pytest.fixture(scope="module")
def networks(backend, models):
    """The five networks, as their weights and the counts describe them."""
    return [describe(backend, models, number) for number in NAMES]


def describe(backend, models, number):
    net = getattr(models, f"resnet{number}")(num_classes=1000, in_channels=3)
    weights = backend.get_weights(net)
    shapes = [W.shape for W in weights.values()]
    blocks = [blocks_of(weights, f"layer{stage}") for stage in (1, 2, 3, 4)]
    return {
        "params": models.num_parameters(net),
        "macs": models.num_macs(net, backend.shown((1, 3, 224, 224))),
        "matrices": sum(len(shape) > 1 for shape in shapes),
        "kernels": sum(len(shape) == 4 for shape in shapes),
        "blocks": tuple(map(len, blocks)),
        "convolutions": {convs for stage in blocks for convs, _ in stage},
        "projects": [[projects for _, projects in each] for each in blocks],
    }


def blocks_of(weights, stage):
    """For each block: its convolutions, and whether its shortcut projects."""
    names = [n.split(".")[1:] for n in weights if n.startswith(f"{stage}.")]
    inside = [
        {name for block, name, *_ in names if block == str(i)}
        for i in range(1 + max(int(block) for block, *_ in names))
    ]
    return [
        (sum(name.startswith("conv") for name in each), "downsample" in each)
        for each in inside
    ]


@pytest.fixture(scope="module")
def table(backend, models, parts):
    """Part of ResNet-50 → shape of its output, parameters and MACs."""
    net = models.resnet50(num_classes=1000, in_channels=3)
    X, found = np.zeros((1, 3, 224, 224)), {}
    for name, part in parts(net):
        before = backend.shown(X.shape)
        X = backend.forward(part, X)
        counts = models.num_parameters(part), models.num_macs(part, before)
        found[name] = (list(X.shape[1:]), *counts)
    return found


def test_parameters_are_the_published_ones(networks):
    assert [net["params"] for net in networks] == PARAMETERS


def test_macs_are_the_published_ones(networks):
    assert [f"{net['macs'] / 1e9:.3f}" for net in networks] == GMACS


def test_names_count_the_layers_on_the_main_path(networks):
    for name, net in zip(NAMES, networks, strict=True):
        projections = sum(sum(stage) for stage in net["projects"])
        assert projections == (3 if name < 50 else 4)
        assert net["matrices"] == name + projections
        assert net["kernels"] == name - 1 + projections
    assert networks[2]["kernels"] == 53


def test_blocks_of_the_stages(networks):
    assert [net["blocks"] for net in networks] == BLOCKS
    convolutions = [net["convolutions"] for net in networks]
    assert convolutions == 2 * [{2}] + 3 * [{3}]


def test_only_the_first_block_of_a_stage_projects(networks):
    for name, net in zip(NAMES, networks, strict=True):
        first = [stage[0] for stage in net["projects"]]
        assert first == [name >= 50, True, True, True]
        assert not any(any(stage[1:]) for stage in net["projects"])


@pytest.mark.parametrize(("number", "wide"), [(18, 1), (50, 4)])
def test_small_networks(backend, models, parts, number, wide):
    """With one channel and ten classes, on images of 96 pixels."""
    net = getattr(models, f"resnet{number}")()
    X, shapes = np.zeros((1, 1, 96, 96)), []
    for name, part in parts(net):
        X = backend.forward(part, X)
        if name.startswith(("layer", "maxpool")):
            shapes.append(X.shape[1:])
    stages = [(64, 24), (128, 12), (256, 6), (512, 3)]
    assert shapes == [
        (64, 24, 24),
        *((c * wide, side, side) for c, side in stages),
    ]
    assert X.shape == (1, 10)
    assert models.num_parameters(net) == SMALL[NAMES.index(number)]


def test_resnet50_part_by_part(networks, table):
    shapes = {
        "conv1": [64, 112, 112],
        "maxpool": [64, 56, 56],
        "layer1": [256, 56, 56],
        "layer2": [512, 28, 28],
        "layer3": [1024, 14, 14],
        "layer4": [2048, 7, 7],
        "fc": [1000],
    }
    assert {name: table[name][0] for name in shapes} == shapes
    net = networks[2]
    assert sum(params for _, params, _ in table.values()) == net["params"]
    assert sum(macs for *_, macs in table.values()) == net["macs"]
    stages = [table[f"layer{n}"] for n in (1, 2, 3, 4)]
    assert stages[2][1] + stages[3][1] > 0.8 * net["params"]
    assert max(macs for *_, macs in stages) == stages[2][2]
    assert table["fc"][1] > 2e6
    assert table["fc"][2] < 1e-3 * net["macs"]
    # Where the channels double, an identity block of bottlenecks costs the
    # same and has about four times the parameters.
    per_block = [17 * c**2 + 12 * c for c in (64, 128, 256, 512)]
    for before, after in pairwise(per_block):
        assert after / before == pytest.approx(4, abs=0.1)


def test_figure_shows_the_shapes(networks, table):
    figure = (ROOT / "img/resnet50.svg").read_text("utf-8")
    for name, (shape, *_) in table.items():
        if name in ("conv1", "maxpool") or name.startswith("layer"):
            assert f">{'×'.join(map(str, shape))}<" in figure
    drawn = [int(n) for n in re.findall(r">(\d) blocks<", figure)]
    assert tuple(drawn) == networks[2]["blocks"]


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


def test_numbers_in_the_text_are_those_of_the_networks(networks):
    """Every number with a comma or a decimal point is counted or cited."""
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


def test_ratios_in_the_text(networks):
    first, basic, deep, _, last = networks
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
    for net, small in zip(networks, SMALL, strict=True):
        inputs = 512 if net["convolutions"] == {2} else 2048
        missing = 2 * 7**2 * 64 + (1000 - 10) * (inputs + 1)
        assert net["params"] - missing == small


def test_the_papers_networks_cost_what_it_states(networks):
    option_a, early = 3 * 64 * 128 * 28**2, 3 * 6 * 128**2 * 28**2
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
