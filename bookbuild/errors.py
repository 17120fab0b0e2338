"""The one exception that stops a build."""


class BookError(Exception):
    """A fault in the book's sources, told in lines an author can act on.

    Attributes:
        messages: One line a fault, each beginning with `path:line:` where
            the fault has a place.
    """

    def __init__(self, messages: list[str] | str):
        self.messages = [messages] if isinstance(messages, str) else messages
        super().__init__("\n".join(self.messages))
