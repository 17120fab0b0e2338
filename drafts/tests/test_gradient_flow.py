"""What `chapters/gradient_flow.md` claims, in each framework.

The chapter's own cells run in a process of its own for each framework, with
smaller networks for the lesion study; further measurements follow.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import selected_frameworks

CHAPTER = Path(__file__).parents[1] / "chapters/gradient_flow.md"

CHILD = """
import json, sys
from pathlib import Path
from bookbuild.chapter import read

SMALLER = {  # so that the two trainings take seconds
    "resize=14": "resize=12", "num_blocks=3": "num_blocks=2",
    "removed = [0, 1, 2, 4, 5, 7, 8]": "removed = [0, 1, 3, 5]",
}
framework, chapter = sys.argv[1:]
code = [cell.source for cell in read(Path(chapter)).code(framework)]
text = chr(10).join(code)
for old, new in SMALLER.items():
    assert text.count(old) == 1, old
    text = text.replace(old, new)
exec(text)


def errors():
    difference = {
        "product": product - found, "telescoped": telescoped - found,
        "paths": sum(map(path, paths)) - found,
        "without D": without_relu - found_relu,
        "with D": with_relu - found_relu,
    }
    return {name: float(abs(d).max()) for name, d in difference.items()}


def stacks(seed):
    for normalise in (False, True):
        d2l.set_seed(seed)
        branches = [branch(16, normalise) for _ in range(27)]
        for shortcut in (0, 1):
            name = ("plain", "residual")[shortcut] + " BN" * normalise
            yield name, measure(branches, shortcut)


def exact_shares(normalise):
    # Squared norm of the sum of all paths of each length, by exercise 7.
    d2l.set_seed(0)
    branches = [branch(16, normalise) for _ in range(10)]
    xs, gs = [X0], [G]
    for f in branches:
        xs.append(xs[-1] + forward(f, xs[-1]))
    for f, x in zip(branches[::-1], xs[-2::-1]):
        through = [pull_back(f, x, g) for g in gs]
        gs = ([gs[0]] + [a + b for a, b in zip(gs[1:], through)]
              + [through[-1]])
    squares = np.array([norm(g) ** 2 for g in gs])
    model = length_weights(measure(branches, 1)[2])
    return (squares / squares.sum()).tolist(), model.tolist()


facts = {
    "errors": errors(),
    "direct": np.diag(D).tolist(), "relus": [np.diag(f).tolist()
                                             for f, _ in factors],
    "stacks": [dict(stacks(seed)) for seed in (1, 2, 3)],
    "scaled": {s: curve[0] / curves[1][0] for s, curve in curves.items()},
    "share": share.tolist(),
    "shares": [exact_shares(normalise) for normalise in (False, True)],
    "whole": {name: d2l.evaluate_accuracy(net, test_iter)
              for name, net in nets.items()},
    "lesions": accuracy,
}
print("FACTS", json.dumps(facts))
"""


@pytest.fixture(scope="module", params=selected_frameworks())
def facts(request):
    # One thread: two would wait for each other in networks this small.
    environment = {"D2L_SCALE": "demo", "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, request.param, str(CHAPTER)],
        cwd=CHAPTER.parents[1],
        env={**os.environ, **environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.rpartition("FACTS ")[2])


def test_formulas_are_what_automatic_differentiation_finds(facts):
    errors = facts["errors"]
    for name in ("product", "telescoped", "paths", "with D"):
        assert errors[name] < 1e-12, name
    assert errors["without D"] > 0.1


def test_direct_path_is_open_where_every_relu_is(facts):
    product = np.prod(facts["relus"], axis=0)
    assert facts["direct"] == product.tolist()
    assert 0 < product.sum() < len(product)


def test_features_before_training(facts):
    for stack in facts["stacks"]:
        sizes = {name: result[0] for name, result in stack.items()}
        assert sizes["plain"][-1] < 1
        assert 0.5 < sizes["plain BN"][-1] < 2
        # sqrt(2) a block, less what is lost at the border
        assert 100 < sizes["residual"][-1] < 5 * 2**13.5
        # the square grows by about one a block
        assert 4 < sizes["residual BN"][-1] < 7


def test_gradients_before_training(facts):
    for stack in facts["stacks"]:
        gradients = {name: result[1] for name, result in stack.items()}
        for values in gradients.values():
            assert values[-1] == pytest.approx(1, rel=1e-4)
        first = {name: values[0] for name, values in gradients.items()}
        assert 1e-3 < first["plain"] < 5
        assert first["plain BN"] > 1e3
        assert 500 < first["residual"] < 5 * 2**13.5
        assert 8 < first["residual BN"] < 100
        # the two that grow exponentially, and the one that is flat
        for name in ("plain BN", "residual"):
            quarters = np.array(gradients[name])[[0, 9, 18, 27]]
            assert (quarters[:-1] / quarters[1:] > 3).all(), name
        assert gradients["residual BN"][9] < 5


def test_later_branches_return_less_with_normalisation(facts):
    for stack in facts["stacks"]:
        with_norm = np.array(stack["residual BN"][2])
        assert with_norm[:3].min() > 2 * with_norm[-3:].max()
        without = np.array(stack["residual"][2])
        assert 0.7 < without.mean() < 1.2


def test_plain_network_is_homogeneous(facts):
    assert facts["scaled"].keys() == {"1", "1.25", "0.8"}
    for s, factor in facts["scaled"].items():
        assert factor == pytest.approx(float(s) ** 54, rel=1e-2)


def test_shares_of_the_paths(facts):
    share = np.array(facts["share"])
    assert f"{share[19:36].sum():.1%}" == "98.0%"
    assert f"{share[5:18].sum():.2%}" == "0.45%"


def test_orthogonal_paths_are_a_fair_assumption(facts):
    for stack in facts["stacks"]:
        for name in ("residual", "residual BN"):
            _, gradients, ratios = stack[name]
            expected = np.prod(1 + np.square(ratios)) ** 0.5
            assert 0.6 < expected / gradients[0] < 1.6
    for exact, model in facts["shares"]:
        assert np.abs(np.subtract(exact, model)).sum() / 2 < 0.15


def test_normalisation_shortens_the_paths(facts):
    for stack in facts["stacks"]:
        lengths = {}
        for name in ("residual", "residual BN"):
            squares = np.square(stack[name][2])
            lengths[name] = (squares / (1 + squares)).sum()
        assert 10 < lengths["residual"] < 15
        assert 4 < lengths["residual BN"] < 7


def test_residual_network_survives_the_loss_of_a_block(facts):
    whole, lesions = facts["whole"], facts["lesions"]
    assert min(whole.values()) > 0.5
    assert np.mean(lesions["plain"]) < 0.2
    assert np.mean(lesions["residual"]) > np.mean(lesions["plain"]) + 0.2
    assert min(lesions["residual"][1:]) > 0.25
