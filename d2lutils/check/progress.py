"""Tell which exercises of a chapter are solved."""

from . import attempts
from .catalogue import catalogue


def solved(chapter: str) -> None:
    """Print which exercises of a chapter have been solved in this session.

    Args:
        chapter: As its notebook is called: "resnet18".

    Raises:
        ValueError: No chapter with exercises has this name.
    """
    names = [name for name, home in catalogue().items() if home == chapter]
    if not names:
        known = ", ".join(sorted(set(catalogue().values())))
        raise ValueError(
            f"{chapter!r} is no chapter with exercises to check; those are "
            f"{known}"
        )
    done = {name: attempts.of(name) for name in names}
    count = sum(each.solved for each in done.values())
    print(f"{count} of {len(done)} exercises solved")
    for name, each in done.items():
        if each.solved:
            print(f"  ✓ {name}")
        elif each.wrong:
            print(f"  ✗ {name}, {each.wrong} wrong so far")
        else:
            print(f"  · {name}, not answered yet")
