"""Use d2lutils where PyTorch takes the processor for a GPU as well."""

import pretended_gpu

pretended_gpu.start()

from d2lutils import torch as d2l  # noqa: E402
from d2lutils.models.torch import QuickResNet  # noqa: E402

d2l.set_seed(0)
net = QuickResNet(channels=8)
iters = d2l.load_data_fashion_mnist(32, augment=True)
options = {
    "optimizer": "momentum",
    "mixed_precision": True,
    "checkpoint": "run",
}
histories = [d2l.fit(net, *iters, 1, 0.1, **options) for _ in range(2)]
assert histories[0] == histories[1]
assert next(net.parameters()).is_cuda
d2l.set_weights(net, d2l.get_weights(net))
assert d2l.evaluate_accuracy(net, iters[1]) == histories[0]["test_acc"][-1]
X, y = next(iter(iters[0]))
assert X.is_cuda and y.is_cuda
d2l.show_images(X[:4], 1, 4, titles=d2l.get_fashion_mnist_labels(y[:4]))
d2l.plot(net(X).mean(dim=0))
