"""How TensorFlow trains."""

import os
from contextlib import contextmanager

import tensorflow as tf

from d2lutils import training


@contextmanager
def group():
    """Join the processes that the variable TF_CONFIG names, if it does."""
    if "TF_CONFIG" not in os.environ:
        yield
        return
    with tf.distribute.MultiWorkerMirroredStrategy().scope():
        yield


def rank_and_size():
    """Return this process's number and how many train together."""
    strategy = tf.distribute.get_strategy()
    resolver = strategy.cluster_resolver
    rank = resolver.task_id if resolver else 0
    return rank, strategy.num_replicas_in_sync


def num_correct(y_hat, y):
    """Return how many of the predictions `y_hat` are right."""
    predictions = tf.argmax(y_hat, axis=1, output_type=y.dtype)
    return tf.math.count_nonzero(predictions == y)


def compiled(function, batches):
    """Compile a function of `X, y`: once, for batches of any size.

    Compiled only when called, it would be so twice if the last batch is
    smaller, and TensorFlow would complain about that now and then.

    AutoGraph is left out. It knows Python's builtins by their addresses when
    TensorFlow was imported, and `input` is a passing method in a notebook's
    cell: a method that comes to lie at its address is not converted.
    """
    return tf.function(
        function, input_signature=_signature(batches), autograph=False
    ).get_concrete_function()


def _signature(batches):
    """Return the types and shapes of `X, y`, for any number of examples."""
    if hasattr(batches, "element_spec"):
        return batches.element_spec
    for batch in batches:
        return [tf.TensorSpec((None, *x.shape[1:]), x.dtype) for x in batch]
    raise ValueError("data_iter is empty")


@contextmanager
def precision(net, mixed):
    """Let a network compute in bfloat16 for a while, if `mixed`."""
    layers = net._flatten_layers() if mixed else []
    policies = [(layer, layer.dtype_policy) for layer in layers]
    try:
        for layer, _ in policies:
            layer.dtype_policy = "mixed_bfloat16"
        yield
    finally:
        for layer, policy in policies:
            layer.dtype_policy = policy


class Engine:
    """What `training.run` needs of TensorFlow."""

    def __init__(self, net, train_iter, options):
        self.net = net
        self.optimizer = tf.keras.optimizers.SGD(
            0.0, momentum=training.MOMENTUM[options["optimizer"]]
        )
        self.optimizer.build(net.trainable_variables)
        self.weight_decay = options["weight_decay"]
        self.label_smoothing = options["label_smoothing"]
        self.loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="sum"
        )
        self.strategy = tf.distribute.get_strategy()
        self.rank, self.size = rank_and_size()
        self.loss = tf.Variable(0.0)
        self.correct = tf.Variable(0, dtype=tf.int64)
        self.finite = tf.Variable(0, dtype=tf.int64)
        self.train_step = compiled(self._distributed_step, train_iter)

    def start(self):
        """Begin an epoch."""
        for total in self.loss, self.correct, self.finite:
            total.assign(tf.zeros_like(total))

    def step(self, X, y, lr):
        """Train on one batch: on this process's share of its examples."""
        self.optimizer.learning_rate.assign(lr)
        self.train_step(X, y)

    def _distributed_step(self, X, y):
        count = tf.cast(tf.shape(y)[0], tf.float32)
        X, y = X[self.rank :: self.size], y[self.rank :: self.size]
        results = self.strategy.run(self._train_step, (X, y, count))
        loss, correct = (
            self.strategy.reduce("SUM", x, axis=None) for x in results
        )
        self.loss.assign_add(loss)
        self.correct.assign_add(correct)
        # Once infinite or NaN, a sum stays so: this counts up to there.
        is_finite = tf.math.is_finite(self.loss)
        self.finite.assign_add(tf.cast(is_finite, tf.int64))

    def _train_step(self, X, y, count):
        variables = self.net.trainable_variables
        with tf.GradientTape() as tape:
            # Without `training` BatchNorm would not train.
            y_hat = tf.cast(self.net(X, training=True), tf.float32)
            loss = self._loss(y_hat, y)
            mean_loss = loss / count
        gradients = tape.gradient(mean_loss, variables)
        if self.weight_decay:
            # Into the gradient, as He et al.; Keras's own is a step apart.
            gradients = [
                # The processes' gradients will be added.
                gradient + self.weight_decay / self.size * variable
                for gradient, variable in zip(
                    gradients, variables, strict=True
                )
            ]
        self.optimizer.apply(gradients, variables)
        return loss, num_correct(y_hat, y)

    def _loss(self, y_hat, y):
        loss, share = self.loss_fn(y, y_hat), self.label_smoothing
        if share:  # Keras has it only for labels that are not numbers
            over_classes = tf.reduce_mean(tf.nn.log_softmax(y_hat), axis=1)
            loss = (1 - share) * loss - share * tf.reduce_sum(over_classes)
        return loss

    def sums(self):
        """Wait; return the loss's sum, the right ones and the finite steps."""
        if self.size > 1:
            self._average_statistics()
        totals = self.loss, self.correct, self.finite
        return tuple(total.numpy().item() for total in totals)

    def _average_statistics(self):
        """Give all processes the same running statistics: their means."""
        for variable in self.net.non_trainable_variables:
            if variable.dtype.startswith("float"):  # not a seed
                here = self.strategy.run(tf.identity, (variable.value,))
                mean = self.strategy.reduce("MEAN", here, axis=None)
                variable.assign(mean)

    def _variables(self):
        named = {f"net.{i}": v for i, v in enumerate(self.net.variables)}
        memory = enumerate(self.optimizer.variables)
        return named | {f"optimizer.{i}": v for i, v in memory}

    def state(self):
        """Return all that training changes: name → NumPy array."""
        return {name: v.numpy() for name, v in self._variables().items()}

    def restore(self, arrays):
        """Take what `state` returned."""
        for name, variable in self._variables().items():
            variable.assign(arrays[name])
