"""How the checks of a cluster tell what they find.

A problem has a code, by which an administrator can have it demoted to a warning, and which stands
in the line when a program asked for that form.

Source: Ganeti 3.0.2 lib/cmdlib/cluster/verify.py (forms of the lines); constants CV_*.
"""

from collections.abc import Iterable
from typing import Protocol

from masterd.verify.problems import Problem, ProblemCode, Severity
from masterd.work.feedback import Feedback


class VerifyOptions(Protocol):
    """What the opcodes that check a cluster have in common."""

    @property
    def debug_simulate_errors(self) -> bool: ...

    @property
    def error_codes(self) -> bool: ...

    @property
    def ignore_errors(self) -> Iterable[str]: ...


class VerifyReport:
    """What one check finds. `failed` once an error was told that nobody asked to ignore."""

    def __init__(self, options: VerifyOptions, feedback: Feedback) -> None:
        self._simulates = options.debug_simulate_errors
        self._with_codes = options.error_codes
        self._ignored = frozenset(options.ignore_errors)
        self._feedback = feedback
        self.failed = False

    def problem(self, found: Problem) -> None:
        """Tell of one problem. May switch."""
        self.tell(found.code, found.texts, name=found.name, severity=found.severity)

    def tell(
        self,
        code: ProblemCode,
        texts: Iterable[str],
        *,
        name: str = "",
        severity: Severity = Severity.ERROR,
        simulated: str | None = None,
    ) -> None:
        """Tell of problems, if there are any. May switch.

        Args:
            name: Which object it is about; empty for the cluster.
            simulated: What to tell when nothing is wrong, but false alarms are wanted.
        """
        told = list(texts)
        if not told and self._simulates and simulated is not None:
            told = [simulated]
        if not told:
            return
        if code.code in self._ignored:
            severity = Severity.WARNING
        if self._with_codes:
            begin = f"  - {severity}:{code.code}:{code.subject}:{name or None}:"
        else:
            begin = f"  - {severity}: {code.subject} {name}: "
        self._feedback.lines(begin + text for text in told)
        self.failed |= severity is Severity.ERROR
