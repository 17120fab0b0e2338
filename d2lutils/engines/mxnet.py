"""How MXNet trains; `d2lutils.mxnet` has made it importable."""

import os
from contextlib import contextmanager

from mxnet import autograd, gluon, kv, np, npx

from d2lutils import training


class Store:
    """Adds up arrays over the processes of a group."""

    def __init__(self):
        self.kv = kv.create("dist_sync")
        self.keys = {}  # length → the key under which the servers add

    def add(self, arrays):
        """Replace arrays by their sums over all processes.

        All processes have to add the same shapes in the same order.
        """
        flat = np.concatenate([X.reshape(-1) for X in arrays])
        if flat.size not in self.keys:
            self.keys[flat.size] = len(self.keys)
            self.kv.init(self.keys[flat.size], np.zeros_like(flat))
        key, total = self.keys[flat.size], np.zeros_like(flat)
        # One thing at a time: a push is done when all processes' are.
        npx.waitall()
        self.kv.push(key, flat)
        npx.waitall()
        self.kv.pull(key, out=total)
        npx.waitall()
        start = 0
        for X in arrays:
            X[:] = total[start : start + X.size].reshape(X.shape)
            start += X.size


_stores = []  # that of the group which this process has joined, if it has


@contextmanager
def group():
    """Join the processes that the variables DMLC_… name, if they do.

    The scheduler and the servers never come here. They serve while MXNet is
    being imported, and exit when all workers have left. If one worker fails
    the others wait for it.
    """
    if os.environ.get("DMLC_ROLE") != "worker":
        yield
        return
    _stores.append(Store())
    yield
    # Nobody else has it: it waits for the others' and lets the servers go.
    # After an error there is nothing to wait for.
    _stores.pop()


def rank_and_size():
    """Return this process's number and how many train together."""
    if not _stores:
        return 0, 1
    return _stores[-1].kv.rank, _stores[-1].kv.num_workers


def num_correct(y_hat, y):
    """Return how many of the predictions `y_hat` are right."""
    return (y_hat.argmax(axis=1).astype(y.dtype) == y).sum()


class Engine:
    """What `training.run` needs of MXNet."""

    def __init__(self, net, device, options):
        self.net, self.device = net, device
        self.rank, self.size = rank_and_size()
        # Without a store of its own, which would keep the momenta to itself.
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
            loss = self._loss(y_hat, y)
        loss.backward()
        if self.size > 1:
            gradients = (p.list_grad()[0] for p in self._parameters(True))
            _stores[-1].add(list(gradients))
        self.trainer.step(count)
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
        sums = np.stack([self.loss, self.correct, self.finite])
        if self.size > 1:
            _stores[-1].add([sums])
            self._average_statistics()
        loss, correct, finite = sums.tolist()
        # If one process sees an infinite loss, the others do a step later.
        return loss, correct, int(finite) // self.size

    def _parameters(self, learned):
        """Yield the parameters with gradients, or those without."""
        for parameter in self.net.collect_params().values():
            if (parameter.grad_req != "null") == learned:
                yield parameter

    def _average_statistics(self):
        statistics = [p.data() for p in self._parameters(False)]
        if statistics:
            _stores[-1].add(statistics)
            for X in statistics:
                X /= self.size

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
