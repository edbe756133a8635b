"""How often Python's garbage collector looks at what."""

import gc

from masterd.limits import APP_COLLECTOR_THRESHOLDS


def calm() -> None:
    """Let the collector look at everything only rarely.

    What lives long here (jobs, configuration) is freed by reference counts; going through all of it
    again and again would stop the hub for a tenth of a second with some ten thousand jobs.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*APP_COLLECTOR_THRESHOLDS)
