"""The package: what it says of itself, and what its archives hold."""

import email
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.version import Version

import d2lutils
from bookbuild.project import Project
from d2lutils.frameworks import FRAMEWORKS

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
VERSION = PROJECT["version"]


@pytest.fixture(scope="module")
def tracked(tmp_path_factory):
    """A copy of what is committed or about to be, and the paths in it."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = {path for path in listed.split("\0") if path}
    paths = {path for path in paths if (ROOT / path).is_file()}
    folder = tmp_path_factory.mktemp("package") / "copy"
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    return folder, paths


@pytest.fixture(scope="module")
def archives(tracked):
    """The source archive and the wheel, which is built from it."""
    folder, _ = tracked
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", folder],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (sdist,) = folder.glob("dist/*.tar.gz")
    (wheel,) = folder.glob("dist/*.whl")
    return sdist, wheel


def test_source_archive_holds_all_that_is_committed(tracked, archives):
    _, paths = tracked
    with tarfile.open(archives[0]) as archive:
        names = {
            name.partition("/")[2]
            for name in archive.getnames()
            if archive.getmember(name).isfile()
        }
    made = {"PKG-INFO", "setup.cfg"}
    made |= {name for name in names if name.startswith("d2lutils.egg-info/")}
    assert names - made == paths


def test_wheel_holds_the_package_alone_and_its_licences(tracked, archives):
    _, paths = tracked
    with zipfile.ZipFile(archives[1]) as wheel:
        names = set(wheel.namelist())
    info = f"d2lutils-{VERSION}.dist-info/"
    package = {name for name in names if not name.startswith(info)}
    assert package == {path for path in paths if path.startswith("d2lutils/")}
    licences = {f"{info}licenses/{name}" for name in PROJECT["license-files"]}
    assert licences <= names


def test_metadata_say_who_where_and_for_whom(archives):
    with zipfile.ZipFile(archives[1]) as wheel:
        text = wheel.read(f"d2lutils-{VERSION}.dist-info/METADATA").decode()
    found = email.message_from_string(text)
    assert found["Version"] == VERSION
    assert found["License-Expression"] == "MIT-0"
    assert found["Author"]
    assert found["Requires-Python"] == ">=3.11"  # and no upper bound
    urls = dict(url.split(", ") for url in found.get_all("Project-URL"))
    assert set(urls) == {"Homepage", "Source", "Issues", "Changelog"}
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    repository = config["repository"]["url"]
    assert all(
        urls[name].startswith(repository)
        for name in ("Source", "Issues", "Changelog")
    )
    assert urls["Homepage"] == Project(ROOT).site  # checks link to it
    assert "Typing :: Typed" in found.get_all("Classifier")


def test_each_framework_has_its_extra():
    extras = PROJECT["optional-dependencies"]
    assert {row.extra for row in FRAMEWORKS.values()} <= set(extras)


def test_version_is_the_same_everywhere():
    assert d2lutils.__version__ == VERSION
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == VERSION
    changes = (ROOT / "CHANGELOG.md").read_text()
    heading = Version(VERSION).base_version  # of one in development, too
    assert re.search(rf"^## {re.escape(heading)} – ", changes, re.MULTILINE)


def test_readme_can_be_read_outside_of_the_repository():
    text = (ROOT / "README.md").read_text()
    inline = re.findall(r"\]\(([^)\s]+)\)", text)
    named = re.findall(r"^\[[^\]]+\]: (\S+)$", text, re.MULTILINE)
    assert inline and named
    for target in inline + named:
        assert target.startswith("https://"), target
        kept = re.fullmatch(
            r"https://(?:github\.com|raw\.githubusercontent\.com)"
            r"/resnet-book/resnet-book/(?:blob/)?main/(.+)",
            target,
        )
        assert not kept or (ROOT / kept[1]).exists(), target
