"""How PyTorch trains."""

import os
from contextlib import contextmanager

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from d2lutils import training


@contextmanager
def group():
    """Join the processes that `torchrun` has started, if it has.

    Where there are several GPUs, each process takes one for itself.

    Raises:
        ValueError: There are several, but fewer than processes.
    """
    if "RANK" not in os.environ:
        yield
        return
    _see_one_gpu(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group()
    try:
        yield
    finally:
        distributed.destroy_process_group()


def _see_one_gpu(number):
    # Nothing has used CUDA yet: only then does it look at the variable.
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [str(i) for i in range(torch.cuda.device_count())]
    if visible is not None:
        names = visible.split(",")
    if len(names) < 2:
        return
    if number >= len(names):
        raise ValueError(
            f"LOCAL_RANK is {number}, but this machine has {len(names)} GPUs; "
            f"start {len(names)} processes on it"
        )
    os.environ["CUDA_VISIBLE_DEVICES"] = names[number]


def rank_and_size():
    """Return this process's number and how many train together."""
    if not distributed.is_initialized():
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


@contextmanager
def evaluation(net):
    """Put a network into evaluation mode for a while, without gradients."""
    # Parts of a network may be in a mode of their own.
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def first_scores(net):
    """Return a function of `X`: the scores of its first example."""
    device = next(net.parameters(), torch.empty(0)).device

    def scores(X):
        with evaluation(net):
            return net(X[:1].to(device))

    return scores


class Engine:
    """What `training.run` needs of PyTorch."""

    def __init__(self, net, device, options):
        self.net, self.device = net, device
        # Channels last is the layout that convolutions are fastest in.
        net.to(device, memory_format=torch.channels_last)
        self.optimizer = torch.optim.SGD(
            net.parameters(),
            lr=0.0,
            momentum=training.MOMENTUM[options["optimizer"]],
            weight_decay=options["weight_decay"],
        )
        self.loss_fn = torch.nn.CrossEntropyLoss(
            reduction="sum", label_smoothing=options["label_smoothing"]
        )
        self.mixed = torch.autocast(
            device.type, torch.bfloat16, enabled=options["mixed_precision"]
        )
        self.rank, self.size = rank_and_size()
        self.model = net if self.size == 1 else DistributedDataParallel(net)

    def start(self):
        """Begin an epoch."""
        self.net.train()
        zero = torch.zeros((), device=self.device)
        self.loss, self.correct, self.finite = zero, zero.long(), zero.long()

    def step(self, X, y, lr):
        """Train on one batch: on this process's share of its examples."""
        count = len(y)
        X, y = X[self.rank :: self.size], y[self.rank :: self.size]
        X = X.to(self.device, memory_format=torch.channels_last)
        y = y.to(self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.zero_grad()
        with self.mixed:
            y_hat = self.model(X)
            loss = self.loss_fn(y_hat, y)
        # Among several processes the gradients are averaged, not added.
        (loss * (self.size / count)).backward()
        self.optimizer.step()
        with torch.no_grad():
            self.loss = self.loss + loss
            self.correct = self.correct + (y_hat.argmax(dim=1) == y).sum()
            # Once infinite or NaN, a sum stays so: this counts up to there.
            self.finite = self.finite + torch.isfinite(self.loss)

    def sums(self):
        """Wait; return the loss's sum, the right ones and the finite steps."""
        if self.size > 1:
            self._reduce()
        return self.loss.item(), self.correct.item(), self.finite.item()

    def _reduce(self):
        """Add up the sums of all processes; average the statistics."""
        for total in self.loss, self.correct:
            distributed.all_reduce(total)
        distributed.all_reduce(self.finite, distributed.ReduceOp.MIN)
        for buffer in self.net.buffers():
            if buffer.is_floating_point():
                distributed.all_reduce(buffer)
                buffer /= self.size

    def _tensors(self):
        state = {f"net.{k}": v for k, v in self.net.state_dict().items()}
        if self.optimizer.defaults["momentum"]:
            for i, parameter in enumerate(self.net.parameters()):
                memory = self.optimizer.state[parameter]
                if memory.get("momentum_buffer") is None:
                    memory["momentum_buffer"] = torch.zeros_like(parameter)
                state[f"momentum.{i}"] = memory["momentum_buffer"]
        return state

    def state(self):
        """Return all that training changes: name → NumPy array."""
        return {
            name: X.detach().cpu().numpy().copy()
            for name, X in self._tensors().items()
        }

    def restore(self, arrays):
        """Take what `state` returned."""
        with torch.no_grad():
            for name, X in self._tensors().items():
                X.copy_(torch.from_numpy(arrays[name]))
