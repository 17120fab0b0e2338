"""Files that are missing, broken, forgotten or out of date are refused."""

import pytest
from small_book import SmallBook, cell, step


@pytest.fixture
def book(tmp_path):
    return SmallBook(tmp_path)


def test_a_stored_notebook_with_outputs_is_refused(book):
    book.chapter("intro")
    book.write(
        "chapters/extra.ipynb",
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": ['
        '{"cell_type": "markdown", "id": "a", "metadata": {}, "source": ""},'
        '{"cell_type": "code", "id": "b", "metadata": {}, "source": "1",'
        ' "execution_count": 1, "outputs": [{"output_type": "stream",'
        ' "name": "stdout", "text": "1"}]}]}',
    )
    (message,) = book.faults()
    assert message.startswith("chapters/extra.ipynb:1: cell 1 stores outputs")


def test_a_broken_notebook_among_the_chapters_is_refused(book):
    book.chapter("intro")
    book.write("chapters/extra.ipynb", "{")
    (message,) = book.faults()
    assert message.startswith("chapters/extra.ipynb:1: cannot be read")
    assert "\n" not in message


def test_a_chapter_that_the_contents_lack_is_refused(book):
    book.chapter("intro")
    book.chapter("waves")
    (message,) = book.faults()
    assert message == "chapters/waves.md:1: is missing in _toc.yml"


def test_contents_that_name_no_file_are_refused(book):
    book.toc("intro", "waves")
    book.chapter("intro")
    (message,) = book.faults()
    assert message == "_toc.yml: chapters/waves.md does not exist"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("_toc.yml", "format: jb-book\nroot: [\n"),
        ("_toc.yml", "format: jb-book\n"),
        ("_config.yml", "repository: [\n"),
        ("references.bib", "@article{he2016deep,\n  author = {He\n"),
    ],
)
def test_a_broken_file_of_the_book_is_told_with_its_name(book, path, text):
    book.chapter("intro", "Words.", step("x = 1"))
    book.write(path, text)
    (message,) = book.faults()
    assert message.startswith(f"{path}:")


def test_a_folder_that_is_no_book_is_told(book):
    (book.root / "_toc.yml").unlink()
    (message,) = book.faults()
    assert message.startswith("_toc.yml:")


def test_a_derived_file_that_is_out_of_date_is_told(book):
    book.chapter("intro", step("x = 1", "save"), cell("y = 1", "save"))
    book.succeed("derive")
    assert book.succeed("check") == []
    book.chapter("intro", step("x = 2", "save"), cell("y = 2", "save"))
    paths = [message.split(":")[0] for message in book.faults()]
    assert sorted(paths) == [
        "d2lutils/models/common.py",
        "d2lutils/models/mxnet.py",
        "d2lutils/models/tensorflow.py",
        "d2lutils/models/torch.py",
        "notebooks/mxnet/intro.ipynb",
        "notebooks/pytorch/intro.ipynb",
        "notebooks/tensorflow/intro.ipynb",
    ]


def test_a_derived_file_that_was_edited_is_told(book):
    book.chapter("intro", step("x = 1", "save"))
    book.succeed("derive")
    path = book.root / "d2lutils/models/torch.py"
    path.write_text(path.read_text("utf-8") + "y = 2\n", "utf-8")
    (message,) = book.faults()
    assert message == (
        "d2lutils/models/torch.py: is out of date; run `make derive`"
    )


def test_a_notebook_of_no_chapter_is_told_and_removed(book):
    book.chapter("intro", step("x = 1"))
    book.succeed("derive")
    orphan = book.write("notebooks/mxnet/waves.ipynb", "{}")
    (message,) = book.faults()
    assert message == "notebooks/mxnet/waves.ipynb: belongs to no chapter"
    assert book.succeed("derive") == ["removed notebooks/mxnet/waves.ipynb"]
    assert not orphan.exists()
    assert book.succeed("check") == []


def test_deriving_twice_writes_nothing_the_second_time(book):
    book.chapter("intro", step("x = 1"))
    assert len(book.succeed("derive")) == 8
    assert book.succeed("derive") == []


def test_an_unknown_command_is_refused(book):
    done = book.run("biuld")
    assert done.returncode == 2
    assert done.stderr.startswith("usage:")
