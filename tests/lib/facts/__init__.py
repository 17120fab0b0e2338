"""What is measured after a chapter's cells: a module for each chapter.

Each has `SKIPPED`, texts of cells that are not executed, and a function
`measure(book, backend)`. `book` has the names of the chapter's cells.
"""
