"""Run the contract of the backends, each in a process of its own."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from selection import FRAMEWORKS, selected_frameworks

CONTRACT = Path(__file__).with_name("backend_contract.py")

# Small networks on one thread: two would wait for each other.
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "D2L_SCALE": "smoke"}

LOOK = """
import inspect, json, sys
before = set(sys.modules)
from d2lutils import {module} as d2l
def untyped(signature):
    parameters = [
        parameter.replace(annotation=parameter.empty)
        for parameter in signature.parameters.values()
    ]
    return str(inspect.Signature(parameters))

names = {{"torch", "tensorflow", "mxnet"}} & set(sys.modules) - before
print(json.dumps({{
    "all": d2l.__all__,
    "frameworks": sorted(names),
    "signatures": {{
        name: untyped(inspect.signature(getattr(d2l, name)))
        for name in d2l.__all__
        if inspect.isfunction(getattr(d2l, name))
    }},
    "undocumented": [
        name
        for name in d2l.__all__
        if not inspect.getdoc(getattr(d2l, name))
    ],
}}))
"""


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def looks():
    """What each backend shows of itself."""
    results = {}
    for framework in selected_frameworks():
        module = FRAMEWORKS[framework]
        result = python(LOOK.format(module=module))
        assert result.returncode == 0, result.stderr
        assert result.stderr == ""
        results[module] = json.loads(result.stdout)
    return results


@pytest.mark.parametrize("framework", selected_frameworks())
def test_contract(framework, tmp_path):
    report = tmp_path / "report.xml"
    command = [sys.executable, "-m", "pytest", str(CONTRACT)]
    command += ["--framework", framework, f"--junitxml={report}"]
    command += ["-p", "no:cacheprovider"]
    result = subprocess.run(
        command, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert result.returncode == 0, f"\n{result.stdout}\n{result.stderr}"
    suite = ET.parse(report).getroot().find("testsuite")
    assert int(suite.get("tests")) > 40
    assert int(suite.get("skipped")) == 0


def test_backend_imports_its_own_framework_only(looks):
    for module, look in looks.items():
        assert look["frameworks"] == [module]


def test_backends_have_the_same_names_and_signatures(looks):
    first, *others = looks.values()
    assert first["all"] == sorted(first["all"])
    assert {
        name: first["signatures"][name]
        for name in (
            "load_data_fashion_mnist",
            "train_ch6",
            "fit",
            "evaluate_accuracy",
            "try_gpu",
            "try_all_gpus",
            "set_seed",
        )
    } == {
        "load_data_fashion_mnist": (
            "(batch_size, resize=None, augment=False)"
        ),
        "train_ch6": "(net, train_iter, test_iter, num_epochs, lr, device)",
        "fit": (
            "(net, train_iter, test_iter, num_epochs, lr, *, device=None, "
            "optimizer='sgd', weight_decay=0.0, schedule='constant', "
            "label_smoothing=0.0, mixed_precision=False, checkpoint=None, "
            "seed=None)"
        ),
        "evaluate_accuracy": "(net, data_iter, device=None)",
        "try_gpu": "(i=0)",
        "try_all_gpus": "()",
        "set_seed": "(seed)",
    }
    for other in others:
        assert other["all"] == first["all"]
        assert other["signatures"] == first["signatures"]


def test_public_names_are_documented(looks):
    for look in looks.values():
        assert look["undocumented"] == []


def test_core_imports_no_framework():
    result = python(
        "import sys, d2lutils\n"
        "from d2lutils import assets, backends, data, face, fetch, plot\n"
        "from d2lutils import progress, scale, training\n"
        "print({'torch', 'tensorflow', 'keras', 'jax', 'mxnet', 'IPython'}"
        " & set(sys.modules))"
    )
    assert (result.stdout, result.stderr) == ("set()\n", "")


@pytest.mark.parametrize(
    "module, blocked, command",
    [
        ("torch", "torch", "pip install torch"),
        ("tensorflow", "tensorflow", "pip install tensorflow"),
        *(
            (
                "mxnet",
                blocked,
                "pip install --no-deps mxnet==1.9.1 "
                '"graphviz<0.9" requests setuptools',
            )
            for blocked in ("mxnet", "requests")
        ),
    ],
)
def test_missing_framework(module, blocked, command):
    if blocked == "requests" and "mxnet" not in selected_frameworks():
        pytest.skip("deselected: mxnet")
    result = python(
        f"import sys\nsys.modules['{blocked}'] = None\n"
        f"from d2lutils import {module}"
    )
    assert result.returncode == 1
    assert "During handling" not in result.stderr
    assert "direct cause" not in result.stderr
    message = result.stderr.splitlines()[-1]
    assert message.startswith("ImportError: ")
    assert message.endswith(f": {command}")


@pytest.mark.parametrize("module", FRAMEWORKS.values())
def test_framework_that_is_broken_says_so_itself(module, tmp_path):
    (tmp_path / f"{module}.py").write_text("import not_there")
    result = python(
        f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n"
        f"from d2lutils import {module}"
    )
    message = result.stderr.splitlines()[-1]
    assert message == "ModuleNotFoundError: No module named 'not_there'"
