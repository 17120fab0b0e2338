"""Networks of readers' own, one module a framework.

`NETWORKS` holds functions without arguments, by the style that they are in;
each network takes images of three channels. `COMMON` are those that have the
same weights in every framework. `HIDING` holds networks whose framework
misses some of their weights.
"""
