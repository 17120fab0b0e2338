"""How MXNet trains; `d2lutils.mxnet` has made it importable."""

import functools
import os
from contextlib import contextmanager

from mxnet import autograd, gluon, kv, np

from d2lutils import training


@functools.cache
def _store():
    """Return what connects the processes, or `None` if there is only one."""
    if os.environ.get("DMLC_ROLE") != "worker":
        return None
    return kv.create("dist_sync")


def rank_and_size():
    """Return this process's number and how many train together."""
    store = _store()
    return (store.rank, store.num_workers) if store else (0, 1)


@contextmanager
def group():
    """Do nothing: MXNet joins the processes that DMLC_ROLE speaks of."""
    yield


def num_correct(y_hat, y):
    """Return how many of the predictions `y_hat` are right."""
    return (y_hat.argmax(axis=1).astype(y.dtype) == y).sum()


class Engine:
    """What `training.run` needs of MXNet."""

    def __init__(self, net, device, options):
        self.net, self.device = net, device
        self.store = _store()
        self.rank, self.size = rank_and_size()
        # The store only adds gradients: with updates it would keep momenta.
        self.trainer = gluon.Trainer(
            net.collect_params(),
            "sgd",
            {
                "learning_rate": 0.0,
                "momentum": training.MOMENTUM[options["optimizer"]],
                "wd": options["weight_decay"],
            },
            kvstore=self.store,
            update_on_kvstore=None if self.store is None else False,
        )
        self.first = next(iter(net.collect_params().values()))
        self.keys = {}
        self.loss_fn = gluon.loss.SoftmaxCrossEntropyLoss()

    def start(self):
        """Begin an epoch."""
        self.loss = np.zeros((), ctx=self.device)
        self.correct = np.zeros((), ctx=self.device)
        self.finite = np.zeros((), ctx=self.device)

    def step(self, X, y, lr):
        """Train on one batch: on this process's share of its examples."""
        count = len(y)
        X, y = X[self.rank :: self.size], y[self.rank :: self.size]
        X, y = X.as_in_ctx(self.device), y.as_in_ctx(self.device)
        # MXNet queues work without limit. Waiting until the last step's
        # loss is known, while its gradients are yet to come, keeps the
        # queue filled, but not the memory with an epoch of batches.
        self.loss.wait_to_read()
        self.trainer.set_learning_rate(lr)
        with autograd.record():
            y_hat = self.net(X)
            loss = self.loss_fn(y_hat, y)
        loss.backward()
        self.trainer.step(count)
        self.loss = self.loss + loss.sum()
        self.correct = self.correct + num_correct(y_hat, y)
        # Once infinite or NaN, a sum stays so: this counts up to there. Some
        # weights are added, as MXNet's ReLU hides a NaN from the loss.
        total = self.loss + self.first.data().sum()
        self.finite = self.finite + np.isfinite(total)

    def sums(self):
        """Wait; return the loss's sum, the right ones and the finite steps."""
        sums = np.stack([self.loss, self.correct, self.finite])
        if self.store is None:
            loss, correct, finite = sums.tolist()
        else:
            loss, correct, finite = self._add("sums", sums).tolist()
            # Where one process's loss is not finite, their sum is not.
            finite = -(-finite // self.size)
            self._average_statistics()
        return loss, correct, int(finite)

    def _add(self, name, X):
        """Return the sum of an array over all processes."""
        total = np.zeros_like(X)
        if name not in self.keys:
            # The trainer has taken the numbers from 0 for the parameters.
            self.keys[name] = 1_000_000 + len(self.keys)
            self.store.init(self.keys[name], total)
        key = self.keys[name]
        self.store.push(key, X)
        self.store.pull(key, out=total)
        return total

    def _average_statistics(self):
        for name, p in self.net._collect_params_with_prefix().items():
            if p.grad_req == "null":
                p.set_data(self._add(name, p.data()) / self.size)

    def _arrays(self):
        parameters = self.net._collect_params_with_prefix()
        named = {f"net.{name}": p.data() for name, p in parameters.items()}
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
                named[f"momentum.{i}"] = updater.states[i]
        return named

    def state(self):
        """Return all that training changes: name → NumPy array."""
        return {name: X.asnumpy() for name, X in self._arrays().items()}

    def restore(self, arrays):
        """Take what `state` returned."""
        for name, X in self._arrays().items():
            value = np.array(arrays[name], dtype=X.dtype, ctx=self.device)
            X.as_np_ndarray()[:] = value
