"""A module that calls a function that never ends, as a notebook does."""

from d2lutils.check import guard


def spins():
    """Never end."""
    while True:
        pass


try:
    guard.within(0.1, spins)
except guard.TimeUp:
    stopped = True
