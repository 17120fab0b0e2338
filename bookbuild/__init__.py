"""What the book's authors run: split, execute, merge, check and export.

Nothing here imports a framework, or of `d2lutils` more than the table of
frameworks: notebooks are executed in kernels of their own, and Python code is
moved as text, never rewritten.
"""
