"""Keep known lines of C code's chatter out of a page."""

import os
import sys
import tempfile
from contextlib import contextmanager


@contextmanager
def dropped_lines(*phrases):
    """Drop the lines with one of `phrases` from the process's stderr.

    C code writes to the file descriptor, past `sys.stderr`, so that is what
    is held back for the `with` block. All other lines come out at its end.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            held.seek(0)
            for line in held:
                if not any(phrase.encode() in line for phrase in phrases):
                    os.write(2, line)
