"""What `chapters/scaling_out.md` says, in each framework."""

import json
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from chapter_code import ENVIRONMENT, measured
from selection import selected_frameworks
from test_distributed import free_port

TEXT = (Path(__file__).parents[2] / "chapters/scaling_out.md").read_text(
    "utf-8"
)


@pytest.fixture(params=selected_frameworks())
def measurements(request):
    return measured("scaling_out", request.param)


@pytest.fixture
def page(measurements):
    return measurements[0]


@pytest.fixture
def facts(measurements):
    return measurements[1]


def numbers(page, pattern):
    """Return the numbers that a page prints behind some words."""
    found = re.findall(pattern, page, re.MULTILINE)
    assert found, pattern
    return [float(each) for each in found]


def test_mean_of_equal_shards_is_the_gradient_of_the_batch(page):
    (one,) = numbers(page, r"^one shard of 4: +(\S+)$")
    (mean,) = numbers(page, r"^mean of all 4: +(\S+)$")
    assert one > 0.1
    assert mean < 1e-5


def test_mean_of_unequal_shards_needs_weights(page):
    (plain,) = numbers(page, r"^mean of the two: +(\S+)$")
    (weighted,) = numbers(page, r"^weighted by N_i / N: +(\S+)$")
    assert plain > 0.05
    assert weighted < 1e-5


def test_ring_adds_and_sends_what_the_formula_says(page, facts):
    (rounding,) = numbers(page, r"^error of the mean: (\S+)$")
    assert rounding < 1e-5
    assert "all workers have the same: True" in page
    assert len(facts["ring"]) == 5
    for ring in facts["ring"]:
        assert ring["wrong"] < 1e-12
        assert ring["kinds"] == 1
        assert ring["sent"] == ring["formula"]
        assert ring["untouched"]


def test_batch_normalisation_makes_a_difference_that_grows(page, facts):
    alone, *others = facts["K"]
    assert alone < 1e-6
    assert others[0] > 0.01
    assert all(a < b for a, b in pairwise(others))


def test_variance_between_the_shards_completes_it(page):
    (row,) = re.findall(r"^variance .*$", page, re.MULTILINE)
    whole, within, completed = map(float, re.findall(r"\d\.\d+", row))
    assert within < whole
    assert completed == pytest.approx(whole, abs=2e-6)


def test_linear_scaling_is_good_for_small_steps_only(page):
    found = numbers(page, r": (\S+)% apart$")
    assert len(found) == 3
    assert all(a < b for a, b in pairwise(found))
    assert found[0] < 2
    assert found[-1] > 3 * found[0]


def test_speed_up_is_what_the_text_says(page):
    rows = re.findall(r"^ *\d+ Gbit/s(.*)$", page, re.MULTILINE)
    slow, middle, fast = (list(map(float, row.split())) for row in rows)
    assert max(slow) < 1
    assert round(middle[-1]) == 5
    assert fast[-1] > 12
    # The bound of the text: c B / (2 n).
    assert middle[-1] < 0.5 * 1.25 / (2 * 0.0447)


def test_frameworks_compute_the_same():
    first, *others = (
        measured("scaling_out", name)[1]["K"] for name in selected_frameworks()
    )
    for other in others:
        np.testing.assert_allclose(other[1:], first[1:], rtol=0.01)


def commands_of(block):
    """Return the words of each command of a shell's block."""
    found, open_lines = [], ""
    for line in block.replace("\\\n", " ").splitlines():
        open_lines += line + "\n"
        try:
            found.append(shlex.split(open_lines))
        except ValueError:  # within quotation marks
            continue
        open_lines = ""
    assert not open_lines
    return found


def blocks(name):
    """Return the commands of each block that starts a framework."""
    found = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
    return [
        commands_of(block) for block in found if f"--framework {name}" in block
    ]


def run_together(commands, environments, folder):
    """Run commands at once, with less data; return the record."""
    processes = [
        subprocess.Popen(
            [*command, "--batch-size", "64"],
            cwd=folder,
            env={**ENVIRONMENT, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command, environment in zip(commands, environments, strict=True)
    ]
    try:
        outputs = [p.communicate(timeout=300) for p in processes]
    finally:
        for process in processes:
            process.kill()
    for process, (_, err) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, err
    assert (folder / "run-0").exists()
    return json.loads((folder / "run.json").read_text())


def local(command, **changes):
    """Return a command of the chapter as it runs on this machine."""
    starter = [sys.executable]
    if command[0] == "torchrun":
        starter += ["-m", "torch.distributed.run"]
    else:
        assert command[0] == "python"
    command = [*starter, *command[1:]]
    for option, value in changes.items():
        place = command.index("--" + option.replace("_", "-"))
        command[place + 1] = str(value)
    return command


def needs(framework):
    """Mark a test that runs unless its framework was deselected by name."""
    return pytest.mark.skipif(
        framework not in selected_frameworks(), reason="deselected"
    )


@needs("pytorch")
def test_two_processes_of_torchrun(tmp_path):
    ((command,), _) = blocks("pytorch")
    record = run_together([local(command)], [{}], tmp_path)
    assert record["processes"] == 2


@needs("pytorch")
def test_torchrun_on_two_machines_which_are_one_here(tmp_path):
    (_, (command,)) = blocks("pytorch")
    here = {"master_addr": "127.0.0.1", "master_port": free_port()}
    commands = [
        local(command, node_rank=rank, nproc_per_node=1, **here)
        for rank in range(2)
    ]
    record = run_together(commands, [{}, {}], tmp_path)
    assert record["processes"] == 2


@needs("tensorflow")
def test_tensorflow_on_two_machines_which_are_one_here(tmp_path):
    (((export, setting), command),) = blocks("tensorflow")
    variable, _, text = setting.partition("=")
    assert (export, variable) == ("export", "TF_CONFIG")
    config = json.loads(text)
    assert len(config["cluster"]["worker"]) == 2
    config["cluster"]["worker"] = [f"localhost:{free_port()}" for _ in "01"]
    environments = []
    for rank in range(2):
        config["task"]["index"] = rank
        environments.append({"TF_CONFIG": json.dumps(config)})
    record = run_together([local(command)] * 2, environments, tmp_path)
    assert record["processes"] == 2


@needs("mxnet")
def test_mxnet_on_two_machines_which_are_one_here(tmp_path):
    ((*exports, scheduler, server, worker),) = blocks("mxnet")
    common = dict(
        setting.split("=")
        for export, *settings in exports
        for setting in settings
        if export == "export"
    )
    assert len(common) == 4
    common["DMLC_PS_ROOT_URI"] = common["DMLC_NODE_HOST"] = "127.0.0.1"
    common["DMLC_PS_ROOT_PORT"] = str(free_port())
    commands, environments = [], []
    for role, *command in scheduler, server, worker, worker:
        variable, _, name = role.partition("=")
        environments.append(common | {variable: name})
        commands.append(local([x for x in command if x != "&"]))
    record = run_together(commands, environments, tmp_path)
    assert record["processes"] == 2
