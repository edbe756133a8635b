"""Has node daemons run the scripts that surround an opcode.

Source: Ganeti 3.0.2 lib/hooksmaster.py (environment, order, texts); hook_env.json.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import HooksAbort
from masterd.node import hooks as scripts_of_nodes
from masterd.node.target import Where
from masterd.rpc.result import RpcResult
from masterd.work.feedback import Feedback
from masterd.work.hook_env import CONFIG_UPDATE, POST, PRE, after, before, common
from masterd.work.hooks import Answers, Hooked, Surrounded

#: Result of one script that ran and failed. Source: constants HKR_FAIL.
_FAILED: Final = 1


class NodeHooks:
    """Obeys `HookRunner`. All methods switch."""

    def __init__(self, config: Callable[[], ConfigSnapshot], data_dir: str) -> None:
        """Prepare; `data_dir` is told to the scripts."""
        self._config = config
        self._data_dir = data_dir

    def pre(self, run: Surrounded, told: Hooked) -> None:
        """Run the scripts before the work; see `HookRunner`."""
        env = before(told.env)
        answers = self._run(run, _path(run), PRE, env, told.pre_nodes)
        failed = [list(failure) for failure in self._failures(answers, run.say)]
        if failed:
            raise HooksAbort(failed)

    def post(self, run: Surrounded, told: Hooked, now: Hooked) -> Answers:
        """Run the scripts after the work; see `HookRunner`."""
        env = {**before(told.env), **after(now.env)}
        answers = self._run(run, _path(run), POST, env, told.post_nodes)
        self._warn(answers, run.say)
        return answers

    def leaving(self, run: Surrounded, told: Hooked, node: Where) -> None:
        """Run the scripts after the work on a node that leaves; see `HookRunner`."""
        env = {**before(told.env), **after(told.env)}
        self._warn(self._ask(run, _path(run), POST, env, [node]), run.say)

    def config_update(self, run: Surrounded, told: Hooked) -> None:
        """Run the master's scripts that follow a change of the configuration."""
        master = (self._config().cluster.master_node,)
        self._run(run, CONFIG_UPDATE, POST, before(told.env), master)

    def _run(
        self,
        run: Surrounded,
        path: str,
        phase: str,
        env: Mapping[str, str],
        uuids: Iterable[str],
    ) -> Answers:
        config = self._config()
        found = {uuid: config.nodes[uuid] for uuid in uuids if uuid in config.nodes}
        where = sorted(found.values(), key=lambda node: node.name)
        return self._ask(run, path, phase, env, where) if found else {}

    def _ask(
        self,
        run: Surrounded,
        path: str,
        phase: str,
        env: Mapping[str, str],
        where: Sequence[Where],
    ) -> Answers:
        object_type = None if run.path is None else run.path.object_type
        own = common(run.before, run.op.OP_ID, path, phase, object_type, self._data_dir)
        whole = {**own, **env}
        return scripts_of_nodes.run(run.nodes, where, path, phase, whole)

    def _warn(self, answers: Answers, say: Feedback) -> None:
        """Tell of scripts that failed where that changes nothing any more."""
        for node, script, output in self._failures(answers, say):
            text = output or "(no output)"
            say.warning(f"On {node} script {script} failed, output: {text}")

    def _failures(self, answers: Answers, say: Feedback) -> list[tuple[str, str, str]]:
        """Return node, script and output of the scripts that failed; tell of silent nodes."""
        failures = []
        for result in answers.values():
            if result.offline:
                continue
            if not result.ok:
                say.warning(f"Communication failure to node {result.node_name}: {result.error}")
                continue
            for script, status, output in scripts(result):
                if status == _FAILED:
                    failures.append((result.node_name, script, output))
        return failures


def _path(run: Surrounded) -> str:
    assert run.path is not None, "only then is anything told before and after the work"
    return run.path.path


def scripts(result: RpcResult) -> list[tuple[str, int, str]]:
    """Return a node's answer: script, status and output each.

    A status is 0 for a script that is not executable, 1 for one that failed, 2 for success.
    """
    told: Any = result.payload
    return [(script, status, output or "") for script, status, output in told]
