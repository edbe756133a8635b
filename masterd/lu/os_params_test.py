"""OP_TEST_OS_PARAMS: whether secret parameters of an operating system arrive.

Source: Ganeti 3.0.2 lib/cmdlib/test.py, LUTestOsParams. It writes the secrets into the job's log,
where everybody who lists jobs reads them; here only their names are told.
"""

from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import OpExecError
from masterd.opcodes.test import OpTestOsParams
from masterd.work.base import LogicalUnit


class LUTestOsParams(LogicalUnit[OpTestOsParams, None]):
    """Tells the names of the secret parameters that it was given; without any it fails."""

    def check(self, config: ConfigSnapshot) -> None:
        """Nothing depends on the cluster."""

    def execute(self, plan: None) -> None:
        given = self.op.osparams_secret
        if not given:
            raise OpExecError("The opcode has no secret parameters")
        self.work.say(f"Secret OS parameters: {', '.join(sorted(map(str, given)))}")
