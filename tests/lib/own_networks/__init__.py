"""Networks of readers' own, one module a framework.

`NETWORKS` holds functions without arguments, by the style that they are in;
each network takes images of three channels. `HIDING` holds networks whose
framework misses some of their weights. `TENSORS` holds functions that make an
array what readers have their weights as.
"""
