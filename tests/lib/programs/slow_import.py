"""A module that computes for a while when it is imported."""

import time

end = time.process_time() + 0.4
while time.process_time() < end:
    pass
whole = True
