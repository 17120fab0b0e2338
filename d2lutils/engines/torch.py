"""How PyTorch trains."""

from contextlib import contextmanager

import torch

from d2lutils import training


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
        self.loss_fn = torch.nn.CrossEntropyLoss()
        self.mixed = torch.autocast(
            device.type, torch.bfloat16, enabled=options["mixed_precision"]
        )

    def start(self):
        """Begin an epoch."""
        self.net.train()
        zero = torch.zeros((), device=self.device)
        self.loss, self.correct, self.finite = zero, zero.long(), zero.long()

    def step(self, X, y, lr):
        """Train on one batch."""
        X = X.to(self.device, memory_format=torch.channels_last)
        y = y.to(self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.zero_grad()
        with self.mixed:
            y_hat = self.net(X)
            loss = self.loss_fn(y_hat, y)
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            self.loss = self.loss + loss * len(y)
            self.correct = self.correct + (y_hat.argmax(dim=1) == y).sum()
            # Once infinite or NaN, a sum stays so: this counts up to there.
            self.finite = self.finite + torch.isfinite(self.loss)

    def sums(self):
        """Wait; return the loss's sum, the right ones and the finite steps."""
        return self.loss.item(), self.correct.item(), self.finite.item()

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
