"""The directives of the book."""
