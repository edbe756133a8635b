"""Random lives of instances, looked at after every step.

Jobs make, change and remove instances; some at the same time. Nodes fail, answers are lost, jobs
are killed, and the daemon dies and comes back with nothing but its store. Whatever happens:

* all that can be used up is accounted for: addresses, ports, minors, MACs, secrets (`accounts`);
* the configuration keeps all its rules, and the store is as memory has it;
* nothing is locked or put aside any more once no job runs;
* a job fails in the ways in which jobs may fail, and one that is refused has changed nothing;
* what is left on a node and in no configuration was named, by a job or by what it had noted.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from random import Random
from typing import Any, Final

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from masterd.config import address_pool
from masterd.errors import ConfigurationError, GanetiError, OpPrereqError
from masterd.lock.monitor import problems
from masterd.opcodes.instance_disks import OpInstanceRecreateDisks
from masterd.opcodes.network import OpNetworkSetParams
from store.check import check
from tests.property import accounts
from tests.property.lives_work import Wishes, interruptions
from tests.property.lives_world import Held, Interruption, Interruptions, Job, World, world

#: Jobs that may be on their way at once.
JOBS_MAX: Final = 3

#: What becomes of calls, by how a job fares.
FATES: Final[Mapping[str, Sequence[Interruption]]] = {
    "held": (Interruption.HOLD_BEFORE, Interruption.HOLD_AFTER),
    "failing": (Interruption.FAIL, Interruption.DROP, Interruption.LOSE),
}
#: How jobs fare, and what becomes of those that are held, as often as they stand here.
A_JOB_FARES: Final = ("well", "held", "held", "failing")
WHAT_IS_HELD_FARES: Final = ("go on", "go on", "kill", "crash")
#: How often a walk takes a new job where others are held.
NEW_JOB_SHARE: Final = 0.6

#: What is drawn for a job is drawn from one number: what Hypothesis repeats and shortens are steps.
SEEDS: Final = st.integers(0, 2**32 - 1)


class Lives(RuleBasedStateMachine):
    """The cluster, and what is known of it apart from it."""

    def __init__(self, tell: Callable[[str], None] = note) -> None:
        """Begin; `tell` hears what becomes of jobs."""
        super().__init__()
        self._tell = tell
        self._open = ExitStack()
        self.world: World = self._open.enter_context(world())
        config = self.world.config
        self._first_port = config.cluster.highest_used_port + 1
        self._external = {
            network.name: set(address_pool.external(network) or ())
            for network in config.networks.values()
        }
        #: Ports that nobody may get, as a disk that has them may still be on a node.
        self._kept: set[int] = set()
        #: Devices that nobody knows, of which somebody was told.
        self._told: frozenset[tuple[str, str]] = frozenset()
        #: Nodes that jobs had asked to change something when they were cut off.
        self._doubtful: set[str] = set()
        #: Whether everything has gone well so far.
        self._well = True

    # --- what happens ---------------------------------------------------------------------------

    @precondition(lambda self: len(self.world.jobs) < JOBS_MAX)
    @rule(seed=SEEDS, fate=st.sampled_from(A_JOB_FARES))
    def a_job(self, seed: int, fate: str) -> None:
        """A job comes: all goes well, calls of it are held, or nodes fail."""
        chance = Random(seed)
        op = Wishes(self.world.config, chance).one()
        # What is made again elsewhere is left where it was.
        self._well &= not isinstance(op, OpInstanceRecreateDisks)
        self.world.submit(op, self._interruptions(chance, fate))
        self._look_at_ended()

    @precondition(lambda self: self.world.jobs)
    @rule(seed=SEEDS, how=st.sampled_from(WHAT_IS_HELD_FARES), fate=st.sampled_from(A_JOB_FARES))
    def what_is_held(self, seed: int, how: str, fate: str) -> None:
        """A job that is held goes on, is killed, or the daemon dies."""
        chance = Random(seed)
        if how == "crash":
            self.crash()
        elif how == "kill" or not self.world.held:
            self.kill(chance.choice(self.world.jobs))
        else:
            held = chance.choice(self.world.held)
            self.go_on(held, self._interruptions(chance, fate), lost=chance.random() < 0.3)

    def _interruptions(self, chance: Random, fate: str) -> Interruptions:
        self._well &= fate != "failing"
        return interruptions(chance, FATES[fate]) if fate in FATES else {}

    def go_on(self, held: Held, planned: Interruptions, *, lost: bool) -> None:
        """Let a call go on, whose answer may be lost."""
        self._well &= not lost
        held.lost = lost
        self.world.life.gate.interrupt(planned)
        held.go_on.set()
        self.world.settle()
        self._look_at_ended()

    def kill(self, job: Job) -> None:
        """End a job as `gnt-job cancel --kill` does."""
        self._cut_off(job)
        self.world.kill(job)
        self.world.jobs.remove(job)
        self._look_at_ended()

    def crash(self) -> None:
        """Have the daemon die and come back."""
        before = self.world.config
        lost = self.world.crash()
        for job in lost:
            self._cut_off(job)
        assert self.world.config.serial_no == before.serial_no
        with self.world.life.store.snapshot() as txn:
            assert [str(problem) for problem in check(txn)] == []

    def teardown(self) -> None:
        """Let all jobs end, and close."""
        try:
            while self.world.held:
                self.go_on(self.world.held[0], {}, lost=False)
            assert not self.world.jobs
            self._nothing_is_locked_or_put_aside()
        finally:
            self.close()

    def close(self) -> None:
        """End everything."""
        self._open.close()

    # --- what must be so ------------------------------------------------------------------------

    @invariant()
    def all_is_well(self) -> None:
        """Look at everything that must be so after every step."""
        self._all_is_accounted_for()
        self._nothing_is_locked_or_put_aside()
        self._what_nobody_knows_was_told()
        self._all_is_there_while_all_went_well()

    def _all_is_accounted_for(self) -> None:
        for job in self.world.jobs:
            self._note_change(job)
        config = self.world.config
        wrong = list(accounts.problems(config, self._first_port, self._external))
        assert not wrong, wrong
        lost = accounts.lost_ports(config, self._first_port)
        on_their_way = {port for _, port in self._reserved_ports()}
        assert lost - on_their_way <= self._kept, f"ports {lost - self._kept} are lost"

    def _nothing_is_locked_or_put_aside(self) -> None:
        life = self.world.life
        assert problems(life.locks.states()) == []
        alive = {job.run.job_id for job in self.world.jobs}
        assert life.locks.owners() <= alive
        assert {owner[0] for owner in life.reservations.owners if isinstance(owner, tuple)} <= alive

    def _what_nobody_knows_was_told(self) -> None:
        if self.world.jobs:
            return
        unknown = accounts.unknown_devices(self.world.config, self.world.nodes)
        untold = {each for each in unknown - self._told if each[0] not in self._doubtful}
        assert not untold, f"nobody was told of {untold}"

    def _all_is_there_while_all_went_well(self) -> None:
        if self._well and not self.world.jobs:
            config, nodes = self.world.config, self.world.nodes
            unknown = accounts.unknown_devices(config, nodes)
            missing = accounts.missing_devices(config, nodes)
            assert not unknown and not missing, f"unknown: {unknown}, missing: {missing}"
            strays = accounts.stray_guests(config, nodes)
            assert not strays, strays

    def _reserved_ports(self) -> list[tuple[object, Any]]:
        life = self.world.life
        return [
            held
            for owner in life.reservations.owners
            for held in life.reservations.held(owner)
            if held[0] == "TCP port"
        ]

    def _look_at_ended(self) -> None:
        for job in self.world.ended():
            self._look_at(job)

    def _look_at(self, job: Job) -> None:
        error, run = job.error, job.run
        self._tell(f"{job.op} has ended: {error!r} {job.result}")
        assert error is None or isinstance(error, GanetiError), repr(error)
        if isinstance(error, ConfigurationError):
            assert "not be consistent" not in str(error), error
        if error is not None and not isinstance(error, OpPrereqError):
            self._well = False
        if isinstance(error, OpPrereqError):
            assert run.config_serial is None, "what was refused changed something"
        self._note_change(job)
        self._look_at_ports(job)
        self._told |= self._named(job)

    def _named(self, job: Job) -> frozenset[tuple[str, str]]:
        """Return the devices that nobody knows and that a job names."""
        text = f"{job.run.text()}\n{job.error}"
        unknown = accounts.unknown_devices(self.world.config, self.world.nodes)
        lost: frozenset[tuple[str, str]] = frozenset()
        if isinstance(job.op, OpInstanceRecreateDisks) and job.before is not None:
            # Disks that are made again elsewhere are meant to be lost where they were.
            lost = accounts.devices_of(job.before, job.op.instance_name)
        return lost | {
            (node, device)
            for node, device in unknown
            if node in text and device.removeprefix("minor ") in text
        }

    def _look_at_ports(self, job: Job) -> None:
        """Ports of disks that could not be removed stay with nobody."""
        if "Could not remove disk/" in job.run.text() and job.error is not None:
            self._kept |= accounts.lost_ports(self.world.config, self._first_port)

    def _note_change(self, job: Job) -> None:
        """Note which addresses are kept out of a network, as soon as that is recorded."""
        if isinstance(job.op, OpNetworkSetParams) and job.run.config_serial is not None:
            kept_out = self._external[job.op.network_name]
            kept_out |= set(job.op.add_reserved_ips or ())
            kept_out -= set(job.op.remove_reserved_ips or ())

    def _cut_off(self, job: Job) -> None:
        """A job ends in the middle; what it had asked of nodes may be half done."""
        self._tell(f"{job.op} was cut off after {job.run.sent()}")
        self._well = False
        self._note_change(job)
        self._told |= self._named(job)
        self._doubtful |= {node for _, node in job.run.sent()}


def walk(seed: int, steps: int) -> None:
    """Live a life in which each step is as likely as others; print what happened, if it fails.

    Hypothesis looks for what breaks by repeating and changing lives, and shortens them; this
    goes further around in the same time.
    """
    chance, told = Random(seed), [f"seed {seed}"]
    lives = Lives(told.append)
    fates, ways = list(A_JOB_FARES), list(WHAT_IS_HELD_FARES)
    try:
        for _ in range(steps):
            jobs = len(lives.world.jobs)
            if not jobs or (jobs < JOBS_MAX and chance.random() < NEW_JOB_SHARE):
                lives.a_job(chance.getrandbits(32), chance.choice(fates))
            else:
                how, fate = chance.choice(ways), chance.choice(fates)
                lives.what_is_held(chance.getrandbits(32), how, fate)
            lives.all_is_well()
        lives.teardown()
    except BaseException:
        print(*told, sep="\n")
        lives.close()
        raise
