"""How each framework trains: see `d2lutils.training` for the protocol."""
