"""A shell for a submission's cells that starts no programs and no Colab."""

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

# Of `%magics` these alone do what they say. All others, `%pip` and `%%bash`
# among them, do nothing.
_MAGICS = (
    "capture",
    "cd",
    "config",
    "env",
    "load_ext",
    "matplotlib",
    "prun",
    "run",
    "time",
    "timeit",
    "writefile",
)

_RETURNED = {
    "google.colab.files.upload": {},
    "google.colab.userdata.get": "",
}
"""What functions of Colab's return here; all others None."""

# Python tells these to an audit hook before a program is started.
_PROGRAMS = {
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.system",
    "pty.spawn",
    "subprocess.Popen",
}


def shell(scratch: str) -> InteractiveShell:
    """Return the shell, and keep this process from starting programs.

    Args:
        scratch: A folder for what IPython writes.
    """
    config = Config()
    config.HistoryManager.enabled = False
    made = _Shell.instance(config=config, ipython_dir=scratch)
    for kind, magics in made.magics_manager.magics.items():
        kept = {name: magics[name] for name in _MAGICS if name in magics}
        made.magics_manager.magics[kind] = _Magics(kept)
    sys.meta_path.append(_Colab())
    sys.addaudithook(_refuse)
    return made


class _Shell(InteractiveShell):
    def system(self, cmd):
        """Do nothing for `!command`."""

    def getoutput(self, cmd, split=True, depth=0):
        """Return nothing for `x = !command`."""
        return [] if split else ""

    def ask_exit(self):
        """End the cell with `exit`."""
        raise SystemExit


class _Magics(dict):
    """Magics by their names; one that is not here does nothing."""

    def get(self, name, default=None):
        return super().get(name, _ignore)


def _ignore(line, cell=None):
    return None


def _refuse(event, arguments):
    if event in _PROGRAMS:
        raise PermissionError("a submission starts no other programs")
    if event == "import" and arguments[0] in ("pip", "ensurepip"):
        raise ImportError("a submission installs nothing")


class _Colab(MetaPathFinder, Loader):
    """Imports `google.colab`, where it is not, as modules that do nothing."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname == "google":  # a package of other modules may have it
            return ModuleSpec(fullname, self, is_package=True)
        if f"{fullname}.".startswith("google.colab."):
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec):
        return _Stub(spec.name)

    def exec_module(self, module):
        pass


class _Stub(ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if self.__name__ == "google":
            raise AttributeError(name)
        full = f"{self.__name__}.{name}"
        if self.__name__ == "google.colab":
            return sys.modules.setdefault(full, _Stub(full))
        return lambda *args, **kwargs: _RETURNED.get(full)
