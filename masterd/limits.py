"""Every bound of the daemon, by name, with its unit and why it is that number.

The store and the exporter lie below this package and take their bounds as arguments; the values
handed to them stand here too.
"""

from typing import Final

# --- luxi ---------------------------------------------------------------------------------------

#: Bytes of one LUXI message. A submission of 1,000 large jobs is about 5 MiB.
LUXI_MESSAGE_BYTES_MAX: Final = 64 * 1024 * 1024

#: Seconds a WaitForJobChange may wait at most. Source: luxi.json, wait_for_job_change (clients give up
#: after 180 s without an answer).
LUXI_WAIT_S_MAX: Final = 89

# --- job ----------------------------------------------------------------------------------------

#: Jobs that are not finished. Source: constants.json JOB_QUEUE_SIZE_HARD_LIMIT.
JOBS_LIVE_MAX: Final = 5000

#: Jobs that run at once when the configuration does not say.
JOBS_RUNNING_DEFAULT: Final = 20

# --- lock ---------------------------------------------------------------------------------------

# --- config -------------------------------------------------------------------------------------

# --- rpc ----------------------------------------------------------------------------------------

# --- lu -----------------------------------------------------------------------------------------

# --- query --------------------------------------------------------------------------------------

# --- store and exporter (handed down by `app`) --------------------------------------------------

# --- daemon -------------------------------------------------------------------------------------
