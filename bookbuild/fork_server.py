"""Kernels that begin with what they import first already imported.

A framework takes seconds to import, and dozens of notebooks import the same
one. A server imports it once; each kernel is a fork of that server, which has
run no cell, and so is as fresh as one that was started by itself.
"""

import asyncio
import contextlib
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

from jupyter_client.provisioning import LocalProvisioner

SUPPORTED = hasattr(os, "pidfd_open")
"""Whether this system can fork kernels: Linux can."""

# What every notebook of the book needs besides its framework.
_MODULES = (
    "ipykernel.kernelapp",
    "ipykernel.zmqshell",
    "matplotlib.pyplot",
)
_LONGEST = 2**16  # bytes of a message


class ForkServer:
    """A process from which the kernels of one framework are forked.

    Use it as a context: at the end the server goes; its kernels do not.

    Args:
        module: What is imported beforehand. If it cannot be, a cell that
            imports it tells what is wrong.
        environment: The environment variables of the server and its kernels.
    """

    def __init__(self, module: str, environment: dict[str, str]):
        self._ours, theirs = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_SEQPACKET
        )
        self._turn = asyncio.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", __name__),
                    *(str(theirs.fileno()), *_MODULES, module),
                ],
                env=environment,
                stdin=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # Ctrl-C is for the one who watches the kernels.
                start_new_session=True,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._ours.close()
        self._process.wait()

    async def fork(
        self, connection_file: str, folder: str, stderr: int
    ) -> "ForkedProcess":
        """Start a kernel.

        Args:
            connection_file: Says where it is to listen.
            folder: Where it runs.
            stderr: The descriptor that it complains to.

        Raises:
            RuntimeError: The server is gone.
        """
        message = json.dumps([connection_file, folder]).encode()
        async with self._turn:
            socket.send_fds(self._ours, [message], [stderr])
            # The server may still be importing.
            answer, fds, _, _ = await asyncio.to_thread(
                socket.recv_fds, self._ours, _LONGEST, 1
            )
        if not fds:
            raise RuntimeError("the process that starts kernels has died")
        return ForkedProcess(int(answer), fds[0])


class ForkedProcess:
    """A process that is no child of ours, as `subprocess.Popen` has one.

    Args:
        pid: Its number.
        descriptor: Refers to it, even when another one has its number.
    """

    stdin = stdout = stderr = None

    def __init__(self, pid: int, descriptor: int):
        self.pid = pid
        self._descriptor = descriptor

    def poll(self) -> int | None:
        """Return None while it runs, 0 when it has ended in any way."""
        ended, _, _ = select.select([self._descriptor], [], [], 0)
        return 0 if ended else None

    def wait(self) -> int:
        """Wait for its end. Nothing else may be asked of it afterwards."""
        select.select([self._descriptor], [], [])
        os.close(self._descriptor)
        return 0

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


class ForkProvisioner(LocalProvisioner):
    """Starts a kernel as a fork of a server."""

    server: ForkServer

    async def launch_kernel(self, cmd, *, cwd, stderr, **_):
        """Fork a kernel; a command is not needed."""
        self.process = await self.server.fork(
            self.parent.connection_file, cwd, stderr.fileno()
        )
        self.pid = self.pgid = self.process.pid
        self.cwd = Path(cwd)
        return self.connection_info


def serve(descriptor: int, modules: list[str]) -> None:
    """Import modules, then fork a kernel for each message, until none comes.

    Args:
        descriptor: The socket that messages come from.
        modules: The names of the modules.
    """
    # A kernel ends when the process of this number is no longer its parent.
    os.environ["JPY_PARENT_PID"] = str(os.getpid())
    # As a kernel does before it runs a cell: pyplot asks when it is imported.
    # Nothing but the kernel may import this module, which needs its shell.
    os.environ.setdefault(
        "MPLBACKEND", "module://matplotlib_inline.backend_inline"
    )
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception:  # whatever a broken installation makes of it
            continue
    reap = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    requests = socket.socket(fileno=descriptor)
    while True:
        message, fds, _, _ = socket.recv_fds(requests, _LONGEST, 1)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            break
        os.close(fds[0])
        kernel = os.pidfd_open(pid)
        socket.send_fds(requests, [str(pid).encode()], [kernel])
        os.close(kernel)
    requests.close()
    signal.signal(signal.SIGCHLD, reap)
    os.setsid()
    os.dup2(fds[0], sys.stderr.fileno())
    os.close(fds[0])
    connection_file, folder = json.loads(message)
    os.chdir(folder)
    # Only now: what it imports is there.
    from ipykernel import kernelapp

    kernelapp.launch_new_instance(argv=["-f", connection_file])


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2:])
