"""The function `fit`, against a bare loop, in MXNet."""

import os

from mxnet import autograd, gluon

from benchmarks import compare
from d2lutils import mxnet as d2l
from d2lutils import scale
from d2lutils.models.mxnet import resnet18

LR = 0.01


def rows():
    """Measure; return the rows."""
    os.environ[scale.VARIABLE] = "demo"
    batches = d2l.load_data_fashion_mnist(compare.FIT_BATCH)
    our_net, their_net = resnet18(), resnet18()
    their_net.initialize()
    return [
        compare.duration(
            compare.FIT_WORK,
            "a bare loop, hybridized",
            "≤ 1.02",
            lambda: d2l.fit(our_net, *batches, 1, LR) and None,
            lambda: bare_loop(their_net, *batches),
            runs=5,
        )
    ]


def bare_loop(net, train_iter, test_iter):
    """Train for one epoch, count what is right, and do nothing else."""
    net.hybridize()
    options = {"learning_rate": LR}
    trainer = gluon.Trainer(net.collect_params(), "sgd", options)
    loss_fn = gluon.loss.SoftmaxCrossEntropyLoss()
    for X, y in train_iter:
        with autograd.record():
            loss = loss_fn(net(X), y)
        loss.backward()
        trainer.step(len(y))
        loss.wait_to_read()  # or the queue would fill the memory
    correct = 0
    for X, y in test_iter:
        correct += float((net(X).argmax(axis=1).astype(y.dtype) == y).sum())
