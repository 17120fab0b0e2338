"""One residual block in the styles of readers: a module for each framework.

Each has the block as a class, `Block`, and what it is made of; `Still`, whose
batch normalisation is never trained; `STYLES`, what the framework knows
beside classes and functions; `NORMS`, batch normalisations of readers' own,
and `Unkept`, one that keeps no statistics; `INSIDE`, whose layers are made
anew at each call; `Twice`, which uses one layer in two places; `lazy`, a
layer that waits for an input; and `DEFAULT_MOMENTUM`, by which a batch's
statistics enter the running ones.
"""
