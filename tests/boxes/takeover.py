"""The story of a cluster that tries our daemon and goes back."""

import time
from collections.abc import Sequence
from typing import Final

from tests.boxes import installation, serving
from tests.boxes.box import Box, BoxError
from tests.boxes.story import Step, Story

#: Names of the two daemons that ours stands in for, as Debian's control knows them.
QUERIES: Final = "ganeti-luxid"
CONFIGURATION: Final = "ganeti-wconfd"
_LOGS: Final = ("/var/log/ganeti/master-daemon.log", "/var/log/ganeti/wconf-daemon.log")

_RENEW: Final = ("gnt-cluster", "renew-crypto", "--force")
_OF_NODES: Final = ("--new-cluster-certificate", "--new-node-certificates")
#: What is renewed while ours serves: options, and files that are others on all nodes then.
_RENEWALS: Final = (
    (("--new-node-certificates",), ("/var/lib/ganeti/client.pem",)),
    (_OF_NODES, ("/var/lib/ganeti/server.pem", "/var/lib/ganeti/client.pem")),
    (
        (
            "--new-rapi-certificate", "--new-spice-certificate", "--new-confd-hmac-key",
            "--new-cluster-domain-secret",
        ),
        tuple(
            f"/var/lib/ganeti/{name}"
            for name in ("rapi.pem", "spice.pem", "spice-ca.pem", "hmac.key",
                         "cluster-domain-secret")
        ),
    ),
    (("--new-ssh-keys", "--no-ssh-key-check"), ("/root/.ssh/id_rsa.pub",)),
)  # fmt: skip

#: An instance that Debian's daemons create before ours comes.
_GUEST: Final = "guest1.boxes.example"

#: Seconds a job runs that must still run when the daemon is killed.
_LONG_S: Final = 600.0
#: Seconds until daemons that were told to have opened their logs anew.
_REOPEN_S: Final = 30.0
_LOOK_S: Final = 0.5


class Takeover(Story):
    """One playing of it."""

    # --- steps --------------------------------------------------------------------------------

    def as_debian_has_it(self) -> None:
        """Debian's daemons serve."""
        self._first.ok(
            "gnt-instance", "add", "--disk-template=diskless", "--os-type=noop", "--no-nics",
            "--no-name-check", "--no-ip-check", f"--node={self._second.plan.full_name}",
            "--backend-parameters=memory=128", _GUEST,
        )  # fmt: skip
        self._ledger.after_id = max(self._cluster.job_statuses(self._master))

    def install(self) -> None:
        """Ours is installed on the master, and on one of the candidates."""
        for box in (self._first, self._third):
            installation.install(box, self._package)
            self._expect_ours(box, QUERIES, CONFIGURATION)

    def control(self) -> None:
        """Debian's control starts, checks and stops ours."""
        first = self._first
        for name in (QUERIES, CONFIGURATION):
            self._cluster.daemons(first, "check", name)
            self._cluster.daemons(first, "check-and-start", name)
        self._rotate_logs()
        self._cluster.daemons(first, "stop-master")
        found = serving.masters(self._cluster.nodes)
        if found:
            raise BoxError(f"after stop-master {found} still serve")
        self._cluster.daemons(first, "start-master")

    def run_watcher(self) -> None:
        """The watcher runs."""
        before = self._process_ids(self._first)
        self._first.ok("ganeti-watcher", "--ignore-pause")
        if self._process_ids(self._first) != before:
            raise BoxError("the watcher has started daemons anew")

    def look_after(self) -> None:
        """A guest and the nodes are looked after."""
        first, node = self._first, self._third.plan.full_name
        first.ok("gnt-cluster", "verify")
        for action in ("shutdown", "startup", "reboot"):
            first.ok("gnt-instance", action, _GUEST)
        status = first.ok("gnt-instance", "list", "--no-headers", "--output=status", _GUEST)
        if status.strip() != "running":
            raise BoxError(f"the guest is {status.strip()} after a reboot")
        for change in ("--offline=yes", "--offline=no", "--master-candidate=yes"):
            first.ok("gnt-node", "modify", "--force", change, node)
        first.ok("gnt-cluster", "modify", "--backend-parameters=vcpus=2")
        first.ok("gnt-cluster", "verify")

    def fail_over(self) -> None:
        """A candidate with Debian's daemons takes over."""
        self._second.ok("gnt-cluster", "master-failover")
        self._master = self._second
        serving.await_master(self._cluster.nodes, self._second.plan.name)
        for box in self._cluster.nodes:
            named = box.ok("cat", "/var/lib/ganeti/ssconf_master_node").strip()
            if named != self._second.plan.full_name:
                raise BoxError(f"{box.plan.name} believes that {named} is the master")

    def fail_back(self) -> None:
        """The master comes back to ours."""
        self._first.ok("gnt-cluster", "master-failover")
        self._master = self._first

    def fail_over_to_ours(self) -> None:
        """A candidate with ours takes over, and gives the cluster back."""
        for box in (self._third, self._first):
            box.ok("gnt-cluster", "master-failover")
            self._master = box
            self._check()

    def renew_keys(self) -> None:
        """Keys are renewed."""
        for options, files in _RENEWALS:
            before = [self._contents(box, files) for box in self._cluster.nodes]
            self._first.ok(*_RENEW, *options)
            self._expect_ours(self._first, QUERIES, CONFIGURATION)
            self._check()
            for box, former in zip(self._cluster.nodes, before, strict=True):
                same = former & self._contents(box, files)
                if same:
                    raise BoxError(f"{box.plan.name} has after {options} still: {same}")
            self._first.ok("gnt-cluster", "verify")

    def reboot(self) -> None:
        """The master's power is cut."""
        self._first.kill()
        self._cluster.boot(self._first)

    def kill_and_undo(self) -> None:
        """Ours is killed, Debian's daemons start after it."""
        running = self._ledger.submit(self._cluster, self._first, _LONG_S)
        self._await_job(running, {"running"})
        for process_id in self._process_ids(self._first).values():
            self._first.ok("kill", "-9", str(process_id))
        self._installer("--undo", "--yes")
        self._expect_ours(self._first)
        serving.await_master(self._cluster.nodes, self._first.plan.name)
        # By itself luxid looks for dead jobs every five minutes only; asked, it sees at once that
        # nobody holds the job's livelock.
        self._first.ok("gnt-job", "cancel", "--kill", "--yes-do-it", str(running))
        self._await_job(running, {"error"})

    def renew_certificates(self) -> None:
        """The nodes get new certificates."""
        self._first.ok(*_RENEW, *_OF_NODES)

    def install_and_undo(self) -> None:
        """Ours is put in place again, upgraded and removed."""
        self._installer("--yes")
        self._expect_ours(self._first, QUERIES, CONFIGURATION)
        self._check()
        installation.install(self._first, self._package)
        self._check()
        for box in (self._first, self._third):
            installation.remove(box)
            self._expect_ours(box)
        if self._first.run("test", "-e", str(installation.COMMANDS)).code == 0:
            raise BoxError(f"{installation.COMMANDS} is still there")
        self._check()
        installation.remove(self._first, "purge")
        if self._first.run("ls", "/var/lib/ganeti/masterd-store").code == 0:
            raise BoxError("the store is still there after a purge")

    # --- what the steps are made of -----------------------------------------------------------

    def _installer(self, *arguments: str) -> None:
        self._first.ok(f"{installation.NAME}-install-debian", *arguments)

    def _expect_ours(self, box: Box, *names: str) -> None:
        """See that ours stands in the places of these programs on a node, and of no other."""
        launcher = str(installation.COMMANDS / installation.NAME)
        ours = tuple(
            name
            for name in (QUERIES, CONFIGURATION)
            if box.ok("readlink", "-f", f"/usr/sbin/{name}").strip() == launcher
        )
        if ours != names:
            raise BoxError(f"ours stands in the places of {ours}, not of {names}")

    def _rotate_logs(self) -> None:
        for log in _LOGS:
            self._first.ok("mv", log, f"{log}.1")
        self._cluster.daemons(self._first, "rotate-all-logs")
        deadline = time.monotonic() + _REOPEN_S
        for log in _LOGS:
            # Their answer to the signal; one that finds its log gone by itself says another word.
            while self._first.run("grep", "--quiet", "Log reopened", log).code:
                if time.monotonic() > deadline:
                    raise BoxError(f"{log} is not reopened when logs are rotated")
                time.sleep(_LOOK_S)

    def _contents(self, box: Box, files: Sequence[str]) -> set[str]:
        """Return checksums of files, each with its name."""
        return set(box.ok("sha256sum", *files).splitlines())

    def _process_ids(self, box: Box) -> dict[str, int]:
        return {
            name: int(box.ok("cat", f"/run/ganeti/{name}.pid")) for name in (QUERIES, CONFIGURATION)
        }


#: All steps in their order.
STEPS: Final[tuple[Step[Takeover], ...]] = (
    Step("Debian's daemons serve", Takeover.as_debian_has_it),
    Step("ours is installed on the master and a candidate", Takeover.install),
    Step("Debian's control starts, checks and stops ours", Takeover.control),
    Step("the watcher runs", Takeover.run_watcher),
    Step("a guest and the nodes are looked after", Takeover.look_after),
    Step("a candidate with Debian's daemons takes over", Takeover.fail_over),
    Step("the master comes back to ours", Takeover.fail_back),
    Step("a candidate with ours takes over and gives back", Takeover.fail_over_to_ours),
    Step("keys are renewed", Takeover.renew_keys),
    Step("the master's power is cut", Takeover.reboot),
    Step("ours is killed, Debian's daemons start after it", Takeover.kill_and_undo),
    Step("the nodes get new certificates", Takeover.renew_certificates),
    Step("ours is put in place again, upgraded and removed", Takeover.install_and_undo),
)
