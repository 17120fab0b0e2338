"""Answers to the exercises of the chapter that introduces the book."""

from answer_code import replace

ANSWERS = {
    "framework_tabs": {
        "wrong": [
            (
                'check.framework_tabs("tensorflow", "mxnet", "tensorflow")',
                "not all three pages",
            ),
            (
                'check.framework_tabs("pytorch", "mxnet", "mxnet")',
                "not all three pages",
            ),
            (
                'check.framework_tabs("tensorflow", "tensorflow", "mxnet")',
                "not all three pages",
            ),
            (
                'check.framework_tabs("tensorflow", "mxnet", "pytorch")',
                "not all three pages",
            ),
            (
                'check.framework_tabs("TF", "mxnet", "mxnet")',
                "has to be one of",
            ),
        ],
        "right": [
            'check.framework_tabs(back_here="MXNet", there="TensorFlow", '
            'with_ending="MXNet")'
        ],
    },
    "scale_message": {
        "wrong": [
            (replace("return str(error)", "return error"), "the error itself"),
            (
                replace("if before is None:", "if False:"),
                "your code raises TypeError",
            ),
            (
                replace(
                    'os.environ.get("D2L_SCALE")',
                    'os.environ.get("D2L_SCALE", "")',
                ),
                "was absent before",
            ),
            (
                replace('os.environ["D2L_SCALE"] = before', "pass"),
                "was `smoke` before",
            ),
            (
                replace(
                    "d2l.load_data_fashion_mnist(256)",
                    "raise ValueError(f'{scale} is no scale')",
                ),
                "is not the text of the error",
            ),
            (replace("return str(error)", "print(error)"), "returns None"),
            ("check.scale_message(message('medium'))", "without calling it"),
            (
                """
def to_smoke(scale):
    absent = "D2L_SCALE" not in os.environ
    try:
        return message(scale)
    finally:
        if not absent:
            os.environ["D2L_SCALE"] = "smoke"


check.scale_message(to_smoke)
""",
                "was `demo` before",
            ),
            (
                """
def without_empty(scale):
    before = os.environ.pop("D2L_SCALE", "")
    try:
        return message(scale)
    finally:
        if before:
            os.environ["D2L_SCALE"] = before


check.scale_message(without_empty)
""",
                "was empty before",
            ),
            (
                """
def two_words(scale):
    return message(scale) if scale in ("medium", "FULL") else None


check.scale_message(two_words)
""",
                "returns None, but loading the data raises",
            ),
        ],
        "right": [
            """
from unittest import mock


def ask(scale):
    with mock.patch.dict(os.environ, D2L_SCALE=scale):
        try:
            d2l.load_data_fashion_mnist(256)
        except ValueError as error:
            return error.args[0]


check.scale_message(ask)
"""
        ],
    },
}
