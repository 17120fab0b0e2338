"""Run notebooks in kernels, some at a time, and stop them all at once."""

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import Callable, Coroutine, Iterable

from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

from . import fork_server
from .fork_server import ForkProvisioner, ForkServer


class KernelDiedError(Exception):
    """A kernel died; the text is what it said last."""


class Kernels:
    """The kernels that are running.

    Args:
        environment: Their environment variables.

    Attributes:
        stopped: Whether all were stopped: what fails afterwards is no fault.
    """

    def __init__(self, environment: dict[str, str]):
        self.stopped = False
        self._environment = environment
        self._clients: set[NotebookClient] = set()
        self._open = contextlib.ExitStack()
        self._servers: dict[str, ForkServer] = {}

    def gather(self, runs: Iterable[Coroutine]) -> None:
        """Run coroutines that call `run` to their ends.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed, and all were stopped.
        """
        interrupted = False

        async def gathered() -> None:
            loop = asyncio.get_running_loop()

            def interrupt(*_) -> None:
                nonlocal interrupted
                interrupted = True
                # In the list, since nobody else would keep the task.
                loop.call_soon_threadsafe(
                    lambda: tasks.append(loop.create_task(self.stop()))
                )

            tasks = [loop.create_task(run) for run in runs]
            before = signal.signal(signal.SIGINT, interrupt)
            try:
                await asyncio.gather(*tasks)
            finally:
                signal.signal(signal.SIGINT, before)

        with self._open, asyncio.Runner(loop_factory=_Loop) as runner:
            runner.run(gathered())
        if interrupted:
            raise KeyboardInterrupt

    async def stop(self) -> None:
        """Kill all kernels, which ends what is running in them.

        Those that are still starting do so first and then stop by themselves.
        """
        self.stopped = True
        for client in self._clients:
            if client.km and client.km.has_kernel:
                await client.km.signal_kernel(signal.SIGKILL)

    async def run(
        self,
        notebook: NotebookNode,
        module: str,
        started: Callable[[NotebookNode], None],
    ) -> None:
        """Execute a notebook's cells in an empty folder.

        Args:
            notebook: Is given the outputs.
            module: What this notebook and others import: it is imported once
                for all of them, where the system can fork a kernel.
            started: Is called with each cell before it runs.

        Raises:
            CellExecutionError: A cell raised.
            KernelDiedError: The kernel died, or was stopped.
        """
        with (
            tempfile.TemporaryDirectory() as folder,
            tempfile.TemporaryDirectory() as connection,
            # What a kernel says as it ends concerns nobody, but if it died.
            tempfile.TemporaryFile() as stderr,
        ):

            def begin(cell: NotebookNode, cell_index: int) -> None:
                if self.stopped:
                    raise KernelDiedError
                self._clients.add(client)
                started(cell)

            client = NotebookClient(
                notebook,
                kernel_name="python3",
                timeout=None,
                record_timing=False,
                coalesce_streams=True,
                resources={"metadata": {"path": folder}},
                # Two kernels that start at once may choose the same port,
                # and others on the machine may listen to it.
                config=Config(
                    {
                        "KernelManager": {
                            "transport": "ipc",
                            "connection_file": f"{connection}/kernel.json",
                        }
                    }
                ),
                on_cell_start=begin,
            )
            if fork_server.SUPPORTED:
                km = client.create_kernel_manager()
                km.provisioner = ForkProvisioner(
                    kernel_spec=km.kernel_spec, parent=km
                )
                km.provisioner.server = self._server(module)
            try:
                await client.async_execute(
                    env=self._environment, stderr=stderr
                )
            except RuntimeError:  # also if it dies before the first cell
                stderr.seek(0)
                said = stderr.read().decode(errors="replace")
                raise KernelDiedError(said) from None
            finally:
                self._clients.discard(client)

    def _server(self, module: str) -> ForkServer:
        if module not in self._servers:
            self._servers[module] = self._open.enter_context(
                ForkServer(module, self._environment)
            )
        return self._servers[module]


class _Loop(asyncio.SelectorEventLoop):
    """A loop that leaves Ctrl-C to `Kernels.gather`.

    Each notebook's client would set a handler that stops its own kernel only,
    and take away that of the one before it.
    """

    def add_signal_handler(self, *_):
        """Refuse, as a loop does in any thread but the main one."""
        raise RuntimeError("Ctrl-C is taken")
