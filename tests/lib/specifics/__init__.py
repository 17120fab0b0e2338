"""What only one framework has: a module for each, named as the framework's.

The chapters say it of that framework, or it cannot be asked in the words
that `d2lutils.backends.Backend` has for all of them.
"""
