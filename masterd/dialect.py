"""Which release of Ganeti is spoken, as one value: everything in which 3.1 differs from 3.0.

`app` chooses the dialect by what is installed (`masterd.dialect_choice`) and hands it, or the part
they need, to whoever speaks: nobody else asks which release it is.

Source: Ganeti 3.0.2-3 and 3.1.0~rc2-3~bpo12+1 as built in Debian 12, ganeti/_constants.py,
opcodes.py, rpc_defs.py; tests/conformance/data/*_3.1.json.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from masterd import constants
from masterd.config.hypervisor_rules import RULES_3_0, RULES_3_1, Rules
from masterd.opcodes.base import CATALOGUE_3_0, Catalogue
from masterd.opcodes.release_3_1 import CATALOGUE_3_1
from masterd.rpc.calls import CALLS, CALLS_3_1, Calls


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one release speaks.

    Attributes:
        name: Major and minor version, as Debian names the directories of a release.
        release_version: Told to clients and written to ssconf; clients compare it with their own.
        vcs_version: Told to clients.
        config_version: Of `config.data`: major * 1,000,000 + minor * 10,000.
        protocol_version: What node daemons answer to the call `version`.
        os_api_version: Newest interface to operating system scripts.
        export_version: Of the file that describes an export.
        opcodes: What clients may ask for, and what stands in job files.
        calls: What nodes can be asked.
        hypervisor_rules: What parameters hypervisors take, and what these may be.
    """

    name: str
    release_version: str
    vcs_version: str
    config_version: int
    protocol_version: int
    os_api_version: int
    export_version: int
    opcodes: Catalogue
    calls: Calls
    hypervisor_rules: Rules

    def as_installed(self, release_version: str | None, vcs_version: str | None) -> "Dialect":
        """Return this dialect, spoken by a certain build of its release."""
        return replace(
            self,
            release_version=release_version or self.release_version,
            vcs_version=vcs_version or self.vcs_version,
        )


DIALECT_3_0: Final = Dialect(
    name="3.0",
    release_version=constants.RELEASE_VERSION,
    vcs_version=constants.VCS_VERSION,
    config_version=constants.CONFIG_VERSION,
    protocol_version=constants.PROTOCOL_VERSION,
    os_api_version=constants.OS_API_VERSION,
    export_version=constants.EXPORT_VERSION,
    opcodes=CATALOGUE_3_0,
    calls=CALLS,
    hypervisor_rules=RULES_3_0,
)

DIALECT_3_1: Final = replace(
    DIALECT_3_0,
    name="3.1",
    release_version="3.1.0",
    vcs_version="(ganeti) version 3.1.0",
    config_version=3_010_000,
    protocol_version=3_010_000,
    opcodes=CATALOGUE_3_1,
    calls=CALLS_3_1,
    hypervisor_rules=RULES_3_1,
)

#: All dialects by name.
DIALECTS: Final[Mapping[str, Dialect]] = {
    dialect.name: dialect for dialect in (DIALECT_3_0, DIALECT_3_1)
}
