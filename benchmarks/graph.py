"""An engine that takes its steps as CUDA graphs.

The step of a small network is hundreds of kernels of microseconds each, and
Python needs longer to launch them than a GPU to run them. A graph is launched
at once, and graphs of several networks, each in a stream of its own, run side
by side. The numbers are those of PyTorch's own engine.
"""

import threading

import torch

from d2lutils.backends import torch as backend

WARM_UP = 3  # steps in which libraries choose and allocate what they need

lock = threading.Lock()
"""Held while a graph is captured; hold it to build a network, too."""


class GraphEngine(backend.Engine):
    """Trains a network on CUDA; to be used in one stream from one thread.

    Args:
        net: A network that draws nothing at random.
        device: A device of CUDA.
        options: `training.Options`.
        seed: What to seed before each epoch.
    """

    def __init__(self, net, device, options, seed):
        super().__init__(net, device, options)
        self.seed = seed
        # A graph reads its learning rate where the step has put it.
        self.lr = torch.zeros((), device=device)
        self.options = options
        zero = torch.zeros((), device=device)
        self.loss, self.correct, self.finite = zero, zero.long(), zero.long()
        self.graphs = {}  # shape of the images → graph, images and labels

    def start(self):
        """Begin an epoch."""
        self.net.train()
        for total in self.loss, self.correct, self.finite:
            total.zero_()

    def step(self, X, y, lr):
        """Train on one batch."""
        if X.shape not in self.graphs:
            with lock:
                self.graphs[X.shape] = self._capture(X, y)
        graph, *inputs = self.graphs[X.shape]
        self.lr.fill_(lr)
        inputs[0].copy_(X)
        inputs[1].copy_(y)
        graph.replay()

    def _capture(self, X, y):
        X = X.to(memory_format=torch.channels_last, copy=True)
        y = y.clone()
        names = "loss", "correct", "finite"
        sums = {name: getattr(self, name) for name in names}
        self._align(X, y)
        state = self._tensors() | sums
        before = {name: tensor.clone() for name, tensor in state.items()}
        for _ in range(WARM_UP):
            self._whole_step(X, y)
        self.optimizer.zero_grad()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(
            graph,
            stream=torch.cuda.current_stream(),
            capture_error_mode="thread_local",
        ):
            self._whole_step(X, y)
        with torch.no_grad():
            for name, tensor in state.items():
                tensor.copy_(before[name])
        return graph, X, y

    def _align(self, X, y):
        """Give parameters the strides that their gradients have.

        These differ in axes of length 1, where they mean nothing, but only
        lists of tensors of equal strides are updated in one kernel.
        """
        statistics = {k: v.clone() for k, v in self.net.named_buffers()}
        self._backward(X, y, len(y))
        for parameter in self.net.parameters():
            shape, strides = parameter.shape, parameter.grad.stride()
            if parameter.stride() != strides:
                parameter.data = parameter.data.as_strided(shape, strides)
                memory = self.optimizer.state[parameter]
                if memory.get("momentum_buffer") is not None:
                    memory["momentum_buffer"] = memory[
                        "momentum_buffer"
                    ].as_strided(shape, strides)
        for name, buffer in self.net.named_buffers():
            buffer.copy_(statistics[name])

    def train_step(self, X, y, batch_size):
        """Take one step; return the summed loss and the scores."""
        loss, y_hat = self._backward(X, y, batch_size)
        with torch.no_grad():
            self._update()
        return loss, y_hat

    def _backward(self, X, y, batch_size):
        self.optimizer.zero_grad()
        with self.precision:
            y_hat = self.model(X)
            loss = self.loss_fn(y_hat, y)
        (loss / batch_size).backward()
        return loss, y_hat

    def _update(self):
        """Do as `torch.optim.SGD` does, with a rate on the device."""
        parameters = list(self.net.parameters())
        moves = [parameter.grad for parameter in parameters]
        if self.options.weight_decay:
            torch._foreach_add_(
                moves, parameters, alpha=self.options.weight_decay
            )
        if self.options.momentum:
            memories = [
                self.optimizer.state[parameter]["momentum_buffer"]
                for parameter in parameters
            ]
            torch._foreach_mul_(memories, self.options.momentum)
            torch._foreach_add_(memories, moves)
            moves = memories
        torch._foreach_sub_(parameters, torch._foreach_mul(moves, self.lr))

    def _whole_step(self, X, y):
        self._count(*self.train_step(X, y, len(y)), y)

    def _count(self, loss, y_hat, y):
        """Add to the sums, in place."""
        with torch.no_grad():
            self.loss += loss
            self.correct += (y_hat.argmax(dim=1) == y).sum()
            self.finite += torch.isfinite(self.loss)


class PlainEngine(backend.Engine):
    """PyTorch's own engine, which seeds what it is told to."""

    def __init__(self, net, device, options, seed):
        super().__init__(net, device, options)
        self.seed = seed
