"""The names that instances may be given: those that the network knows.

Source: Ganeti 3.0.2 lib/cmdlib/instance_utils.py (CheckHostnameSane).
"""

from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.node.probe import Host
from masterd.work.work import Work


def look_up(work: Work, config: ConfigSnapshot, given: str) -> Host:
    """Return the host of a name that an instance is to have, the name in whole. Switches.

    Raises:
        OpPrereqError: nobody knows it, or it is another's.
    """
    host = work.probe.host(given, config.cluster.primary_ip_family)
    if host.name != given:
        work.say.info(f"Resolved given name '{given}' to '{host.name}'")
    if host.name != given and not host.name.startswith(f"{given}."):
        raise OpPrereqError(
            f"Resolved hostname '{host.name}' does not look the same as given hostname '{given}'",
            ECode.INVAL,
        )
    return host
