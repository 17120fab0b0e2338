"""Which devices compute in bfloat16 by themselves, as each framework tells."""

import contextlib

import pytest

# MXNet 1.9 has no mixed precision.
pytestmark = pytest.mark.frameworks("pytorch", "tensorflow")


class Tensor:
    """Lies on the first GPU."""

    device = "/job:localhost/replica:0/task:0/device:GPU:0"


@pytest.mark.parametrize(
    ("capability", "has"), [((7, 5), False), ((8, 0), True), ((9, 0), True)]
)
def test_gpu(backend, monkeypatch, capability, has):
    """A T4, an A100 and an H100."""
    if backend.row.key == "pytorch":
        import torch

        def is_bf16_supported(including_emulation=True):
            return including_emulation or capability >= (8, 0)

        monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_bf16_supported)
        gpu = torch.device("cuda")
    else:
        import tensorflow as tf

        monkeypatch.setattr(tf, "constant", lambda value: Tensor)
        monkeypatch.setattr(
            tf.config, "list_physical_devices", lambda kind: ["a GPU"]
        )
        monkeypatch.setattr(
            tf.config.experimental,
            "get_device_details",
            lambda gpu: {"compute_capability": capability},
        )
        gpu = contextlib.nullcontext()
    assert backend.has_bfloat16(gpu) is has


def test_cpu(backend):
    assert backend.has_bfloat16(backend.try_gpu(99))
