"""Whole networks and stages in NumPy, and what they are recognised by."""

from ._answer import Wrong
from ._bottleneck_block import bottleneck_block
from ._reference import global_avg_pool, max_pool, relu

CHANNELS = (64, 128, 256, 512)


def resnet(num_blocks, early=False):
    """Return a reference: a ResNet of bottlenecks with 7 classes."""

    def net(X, weights, training):
        Y = weights.conv(X, 64, 7, 2, padding=3)
        Y = relu(weights.batch_norm(Y, training))
        Y = max_pool(Y, 3, 2, padding=1)
        for i, n in enumerate(num_blocks):
            for j in range(n):
                stride = 2 if i and not j else 1
                c = CHANNELS[i]
                block = bottleneck_block(c, 4 * c, stride, early)
                Y = block(Y, weights, training)
        return weights.dense(global_avg_pool(Y), 7)

    return net


def size(num_blocks, basic=False):
    """Return the parameters of a ResNet, 3 channels in, without its head."""
    wide = 1 if basic else 4
    total, before = 3 * 64 * 49 + 2 * 64, 64
    for c, n in zip(CHANNELS, num_blocks, strict=True):
        inner = 9 * c * c + 2 * c
        for _ in range(n):
            after = wide * c
            if basic:
                total += 9 * before * c + 2 * c + inner
            else:
                total += before * c + 2 * c + inner + c * after + 2 * after
            if before != after:
                total += before * after + 2 * after
            before = after
    return total


NOT_RESNET26 = [
    (size((2, 2, 2, 2), basic=True), "this is ResNet-18, of basic blocks"),
    (size((3, 4, 6, 3)), "this is ResNet-50: it has too many blocks"),
    (size((1, 2, 4, 1)), "the blocks are not distributed equally"),
    (size((1, 1, 1, 1)), "there is one block a stage, which is ResNet-14"),
]


def spy(block, expansion, calls):
    """Return a kind of block that notes what each block is told."""

    def note(self, in_channels, channels, stride=1):
        calls.append((in_channels, channels, stride))
        block.__init__(self, in_channels, channels, stride)

    return type(
        block.__name__,
        (block,),
        {
            "__init__": note,
            "expansion": expansion,
        },
    )


def compare_calls(case, calls, expansion):
    """Compare what the blocks of a stage are told when they are made."""
    if len(calls) != 3:
        few = "few" if len(calls) < 3 else "many"
        raise Wrong(f"{case}: there are too {few} blocks: {len(calls)}")
    expected, count = 16, ("first", "second", "third")
    for which, (arrive, inside, stride) in zip(count, calls, strict=True):
        if arrive != expected:
            raise Wrong(
                f"{case}: the {which} block is told that {arrive} channels "
                "arrive, and it is another number that does"
            )
        if inside != 8:
            raise Wrong(
                f"{case}: the {which} block is told to have {inside} "
                "channels inside"
            )
        if stride != (2 if which == "first" else 1):
            raise Wrong(f"{case}: the {which} block has stride {stride}")
        expected = 8 * expansion


def stage_of(channels, out_channels, stride, num_blocks):
    def net(X, weights, training):
        for i in range(num_blocks):
            block = bottleneck_block(
                channels, out_channels, 1 if i else stride
            )
            X = block(X, weights, training)
        return X

    return net
