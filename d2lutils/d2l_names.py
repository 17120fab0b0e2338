"""What to use in place of names of the package `d2l` that are not here.

`d2l` goes with *Dive into Deep Learning*. The rows are those of the table on
the page "Coming from d2l".
"""

NETWORKS = (
    ("Residual", "use `BasicBlock` from `d2lutils.models.{module}`"),
    (
        "ResNeXtBlock",
        "use `Bottleneck` from `d2lutils.models.{module}`, which is the same "
        "block without groups",
    ),
    (
        "resnet18",
        "use `resnet18` from `d2lutils.models.{module}`, or `SmallResNet` for "
        "small images",
    ),
    (
        "init_cnn",
        "nothing is needed: the networks of `d2lutils.models.{module}` draw "
        "their initial weights themselves",
    ),
    (
        "Module Classifier nn_Module",
        "write networks in {framework}'s own way; `fit` takes them unchanged",
    ),
    ("HyperParameters", "assign the arguments in `__init__`"),
    ("add_to_class", "define the method inside its class"),
)

DATA = (
    ("FashionMNIST", "use `load_data_fashion_mnist(batch_size, resize)`"),
    (
        "DataModule",
        "use two iterables of batches; `load_array` makes one from your "
        "arrays",
    ),
    (
        "get_dataloader_workers",
        "nothing is needed: no loader here starts processes",
    ),
    (
        "download download_all download_extract extract DATA_HUB DATA_URL",
        "`load_data_fashion_mnist` downloads what it needs; `read_idx` reads "
        "files that you have",
    ),
)

TRAINING = (
    (
        "Trainer train_ch3 train_epoch_ch3",
        "use `fit(net, train_iter, test_iter, num_epochs, lr)`",
    ),
    ("sgd SGD", "use `fit` with its argument `optimizer`"),
    (
        "train_ch13 train_batch_ch13 split_batch",
        "use `python -m d2lutils.train` in several processes",
    ),
    (
        "accuracy",
        "use `evaluate_accuracy(net, data_iter)`, which returns a fraction",
    ),
    (
        "evaluate_accuracy_gpu evaluate_accuracy_gpus",
        "use `evaluate_accuracy(net, data_iter, device)`",
    ),
    ("evaluate_loss", "`fit` returns the mean training loss of each epoch"),
    ("cpu gpu", "use `try_gpu`, or one of {framework}'s devices"),
    ("num_gpus", "use `try_all_gpus`, which returns a list"),
)

DISPLAY = (
    (
        "Animator ProgressBoard TrainCallback",
        "`fit` draws its curves and returns them; `plot` draws any others",
    ),
    ("Accumulator", "nothing is needed: `fit` keeps the sums"),
    (
        "Timer Benchmark",
        "`fit` returns the seconds of each epoch; elsewhere, use "
        "`time.perf_counter`",
    ),
    (
        "predict_ch3",
        "use `show_images` with titles from `get_fashion_mnist_labels`",
    ),
    ("set_axes", "use the arguments of `plot`"),
)

OPERATIONS = (
    (
        "abs arange argmax astype batch_matmul concat cos cosh exp "
        "expand_dims eye float32 int32 int64 linspace log matmul meshgrid "
        "normal ones ones_like rand randn reduce_mean reduce_sum repeat "
        "reshape sigmoid sin sinh size stack swapaxes tanh tensor to "
        "transpose zeros zeros_like",
        "use {framework}'s own functions and types",
    ),
)

ROWS = NETWORKS + DATA + TRAINING + DISPLAY + OPERATIONS
"""Names in `d2l`, and what to use here, a framework's words in braces."""

INSTEAD = {name: text for names, text in ROWS for name in names.split()}
