"""The function `fit`, against a bare loop, in MXNet."""

from mxnet import autograd, gluon

from benchmarks import compare
from d2lutils import mxnet as d2l
from d2lutils.models.mxnet import resnet18

PEERS = ()


def rows():
    """Measure; return the rows."""
    our_net, their_net = resnet18(), resnet18()
    their_net.initialize()
    return compare.fit_rows(
        d2l, our_net, their_net, "a bare loop, hybridized", bare_loop
    )


def bare_loop(net, train_iter, test_iter, lr):
    """Train for one epoch, count what is right, and do nothing else."""
    net.hybridize()
    options = {"learning_rate": lr}
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
