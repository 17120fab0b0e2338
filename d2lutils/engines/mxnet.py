"""How MXNet trains; `d2lutils.mxnet` has made it importable."""

import os
from contextlib import contextmanager

from mxnet import autograd, gluon, np, npx

from d2lutils import training


@contextmanager
def group():
    """Do nothing; with MXNet, only one process can train.

    Raises:
        ValueError: Servers or workers have been asked for.
    """
    if "DMLC_ROLE" in os.environ:
        raise ValueError("DMLC_ROLE: MXNet trains in one process only here")
    yield


def rank_and_size():
    """Return this process's number and how many train together."""
    return 0, 1


def num_correct(y_hat, y):
    """Return how many of the predictions `y_hat` are right."""
    return (y_hat.argmax(axis=1).astype(y.dtype) == y).sum()


class Engine:
    """What `training.run` needs of MXNet."""

    def __init__(self, net, device, options):
        self.net, self.device = net, device
        self.rank, self.size = rank_and_size()
        # Without a store, which would keep the momenta to itself.
        self.trainer = gluon.Trainer(
            net.collect_params(),
            "sgd",
            {
                "learning_rate": 0.0,
                "momentum": training.MOMENTUM[options["optimizer"]],
                "wd": options["weight_decay"],
            },
            kvstore=None,
        )
        self.first = next(iter(net.collect_params().values()))
        self.label_smoothing = options["label_smoothing"]
        self.loss_fn = gluon.loss.SoftmaxCrossEntropyLoss()

    def start(self):
        """Begin an epoch."""
        self.loss = np.zeros((), ctx=self.device)
        self.correct = np.zeros((), ctx=self.device)
        self.finite = np.zeros((), ctx=self.device)

    def step(self, X, y, lr):
        """Train on one batch."""
        X, y = X.as_in_ctx(self.device), y.as_in_ctx(self.device)
        # MXNet queues work without limit. Waiting until the last step's
        # loss is known, while its gradients are yet to come, keeps the
        # queue filled, but not the memory with an epoch of batches.
        self.loss.wait_to_read()
        self.trainer.set_learning_rate(lr)
        with autograd.record():
            y_hat = self.net(X)
            loss = self._loss(y_hat, y)
        loss.backward()
        self.trainer.step(len(y))
        self.loss = self.loss + loss.sum()
        self.correct = self.correct + num_correct(y_hat, y)
        # Once infinite or NaN, a sum stays so: this counts up to there. Some
        # weights are added, as MXNet's ReLU hides a NaN from the loss.
        total = self.loss + self.first.data().sum()
        self.finite = self.finite + np.isfinite(total)

    def _loss(self, y_hat, y):
        loss, share = self.loss_fn(y_hat, y), self.label_smoothing
        if share:
            over_classes = npx.log_softmax(y_hat).mean(axis=1)
            loss = (1 - share) * loss - share * over_classes
        return loss

    def sums(self):
        """Wait; return the loss's sum, the right ones and the finite steps."""
        return float(self.loss), float(self.correct), int(self.finite)

    def _arrays(self):
        parameters = self.net._collect_params_with_prefix()
        named = {f"net.{name}": p.data() for name, p in parameters.items()}
        # The trainer's own numbers depend on what else the process has made.
        names = {id(p): name for name, p in parameters.items()}
        updater = self.trainer._updaters[0]
        if self.trainer.optimizer.momentum:
            for i, parameter in enumerate(self.trainer._params):
                if parameter.grad_req == "null":
                    continue
                if i not in updater.states:
                    updater.states[i] = (
                        self.trainer.optimizer.create_state_multi_precision(
                            i, parameter.data()
                        )
                    )
                    updater.states_synced[i] = True
                name = names[id(parameter)]
                named[f"momentum.{name}"] = updater.states[i]
        return named

    def state(self):
        """Return all that training changes: name → NumPy array."""
        return {name: X.asnumpy() for name, X in self._arrays().items()}

    def restore(self, arrays):
        """Take what `state` returned."""
        for name, X in self._arrays().items():
            value = np.array(arrays[name], dtype=X.dtype, ctx=self.device)
            X.as_np_ndarray()[:] = value
