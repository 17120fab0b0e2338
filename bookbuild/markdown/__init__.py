"""Markdown: read as MyST, checked, and made plain for notebooks."""
