"""Training steps, against Gluon's model zoo, in MXNet."""

import mxnet as mx
from mxnet import autograd, gluon, np, npx

from benchmarks import compare
from d2lutils.backends.mxnet import Engine
from d2lutils.models.mxnet import resnet18
from d2lutils.training import Options

BATCH, SIZE, LR = 64, 96, 0.01

PEERS = ()


def rows():
    """Measure; return the rows."""
    X = np.random.uniform(size=(BATCH, 3, SIZE, SIZE))
    y = np.random.randint(10, size=(BATCH,)).astype("int32")
    zoo = gluon.model_zoo.vision
    return [
        compare.speed(
            f"training step of ResNet-18, {SIZE} px, batch {BATCH}, float32",
            "the network of Gluon's model zoo, hybridized, bare loop",
            "≥ 0.97",
            BATCH,
            engine_step(prepared(resnet18(in_channels=3)), X, y),
            bare_step(prepared(zoo.resnet18_v1(classes=10)), X, y),
            runs=31,
        )
    ]


def prepared(net):
    """Initialise and hybridize a network."""
    net.initialize()
    net.hybridize()
    return net


def engine_step(net, X, y):
    """Return a function that takes one step as `fit` does."""
    engine = Engine(net, npx.cpu(), Options(num_epochs=1, lr=LR))
    engine.start()

    def step():
        engine.step(X, y, LR)
        mx.nd.waitall()

    return step


def bare_step(net, X, y):
    """Return a function that takes one step and does nothing else."""
    options = {"learning_rate": LR}
    trainer = gluon.Trainer(net.collect_params(), "sgd", options)
    loss_fn = gluon.loss.SoftmaxCrossEntropyLoss()

    def step():
        with autograd.record():
            loss = loss_fn(net(X), y)
        loss.backward()
        trainer.step(BATCH)
        mx.nd.waitall()

    return step
