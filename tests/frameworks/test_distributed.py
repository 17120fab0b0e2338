"""Two processes on this machine against one, with the same batches."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from selection import FRAMEWORKS, selected_frameworks
from small_runs import program

SCRIPT = Path(__file__).parents[1] / "lib/train_together.py"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def roles(framework):
    """The variables of the two processes, and of what MXNet needs besides."""
    port = str(free_port())
    if framework == "pytorch":
        common = {
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port,
            "WORLD_SIZE": "2",
        }
        return [common | {"RANK": x, "LOCAL_RANK": x} for x in "01"]
    if framework == "mxnet":
        common = {
            "DMLC_PS_ROOT_URI": "127.0.0.1",
            "DMLC_PS_ROOT_PORT": port,
            "DMLC_NODE_HOST": "127.0.0.1",
            "DMLC_NUM_SERVER": "1",
            "DMLC_NUM_WORKER": "2",
        }
        names = "worker", "worker", "server", "scheduler"
        return [common | {"DMLC_ROLE": name} for name in names]
    workers = [f"localhost:{port}", f"localhost:{free_port()}"]
    return [
        {
            "TF_CONFIG": json.dumps(
                {
                    "cluster": {"worker": workers},
                    "task": {"type": "worker", "index": i},
                }
            )
        }
        for i in range(2)
    ]


def run(command, environments):
    """Run all processes at once and return what they print."""
    processes = [
        subprocess.Popen(
            [sys.executable, *command],
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for environment in environments
    ]
    try:
        outputs = [p.communicate(timeout=240) for p in processes]
    finally:
        for process in processes:
            process.kill()
    for process, (_, err) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, err
    return [out for out, _ in outputs]


def results(framework, environments):
    module = FRAMEWORKS[framework]
    texts = run([str(SCRIPT), module], environments)
    return [json.loads(text.split("RESULT")[1]) for text in texts if text]


@pytest.mark.parametrize("framework", selected_frameworks())
def test_two_processes_compute_what_one_does(framework):
    [(_, size, alone, of_one)] = results(framework, [{}])
    assert size == 1
    together = results(framework, roles(framework))
    assert sorted(rank for rank, *_ in together) == [0, 1]
    for _, size, losses, _ in together:
        assert size == 2
        np.testing.assert_allclose(losses, alone, rtol=1e-4)
    # Each has normalised its own half of the batches, and they must agree.
    (*_, first), (*_, second) = together
    assert first == second
    assert first.keys() == of_one.keys()
    assert first != of_one


@pytest.mark.parametrize("framework", selected_frameworks())
def test_command_line_in_two_processes(framework, tmp_path):
    path = tmp_path / "x.json"
    command = ["-m", "d2lutils.train", "--framework", framework]
    command += ["--resize", "32", "--batch-size", "64", "--lr", "0.01"]
    command += ["--record", str(path), "--checkpoint", str(tmp_path / "run")]
    texts = run(command, roles(framework))
    # One process speaks, the others work.
    assert sum("test accuracy" in text for text in texts) == 1
    record = json.loads(path.read_text())
    assert record["processes"] == 2
    assert (tmp_path / "run-0").exists()


@pytest.mark.parametrize(
    ("visible", "number", "seen"),
    [
        (None, 2, "2"),
        ("5,7", 1, "7"),
        ("GPU-1a,GPU-2b", 0, "GPU-1a"),
        ("3", 1, "3"),  # whoever started it has chosen
        ("", 1, ""),
    ],
)
def test_each_process_of_pytorch_sees_one_gpu(visible, number, seen):
    assert see_one_gpu(visible, number) == f"{seen}\n"


def test_more_processes_than_gpus_are_refused():
    with pytest.raises(
        AssertionError, match=r"LOCAL_RANK is 4, but .* 4 GPUs"
    ):
        see_one_gpu(None, 4)


def see_one_gpu(visible, number):
    """Return what a process prints that takes one of four GPUs."""
    if "pytorch" not in selected_frameworks():
        pytest.skip("this is PyTorch's only")
    variables = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    result = program("one_gpu", number, **variables)
    assert result.returncode == 0, result.stderr
    return result.stdout
