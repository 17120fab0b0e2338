"""Train with a checkpoint, and die in the middle of a step.

`python killed_run.py pytorch run.safetensors 9`; with 0 it lives.
"""

import os
import signal
import sys

from small_runs import OPTIONS, allow_epochs, network, outcome, train

from d2lutils import backends


def main(key, path, killed_at):
    """Train for three epochs, or until the step of this number."""
    allow_epochs(3)
    backend = backends.get(key)
    step, calls = backend.Engine.step, []

    def dying_step(self, *arguments):
        calls.append(1)
        if len(calls) == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, *arguments)

    backend.Engine.step = dying_step
    net = network(backend)
    history = train(backend, net, checkpoint=path, **OPTIONS)
    print("OUTCOME" + outcome(backend, net, history))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
