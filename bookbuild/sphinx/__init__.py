"""What the book adds to Sphinx, which makes the pages."""
