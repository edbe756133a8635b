"""OP_CLUSTER_VERIFY_CONFIG: whether the configuration is sound, whatever the nodes say.

Source: Ganeti 3.0.2 lib/cmdlib/cluster/verify.py, LUClusterVerifyConfig.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from masterd import certificates
from masterd.config import hypervisor_rules, verify
from masterd.config.objects import FreeParams, Hypervisor
from masterd.config.params import fill_free
from masterd.config.snapshot import ConfigSnapshot
from masterd.lock.levels import ALL, LockLevel, LockMode, LockRequest
from masterd.lu.cluster.verify_report import VerifyReport
from masterd.opcodes.cluster_verify import OpClusterVerifyConfig
from masterd.verify.problems import (
    CLUSTER_CERT,
    CLUSTER_CFG,
    DANGLING_INSTANCES,
    DANGLING_NODES,
    Severity,
)
from masterd.work.base import Locks, LogicalUnit

_LOCKED = (
    LockLevel.INSTANCE,
    LockLevel.NODEGROUP,
    LockLevel.NODE,
    LockLevel.NODE_RES,
    LockLevel.NETWORK,
)


@dataclass(frozen=True, slots=True)
class _Dangling:
    """Who belongs to nothing, each list as text; empty where there is nobody."""

    nodes: list[str]
    instances: list[str]


class LUClusterVerifyConfig(LogicalUnit[OpClusterVerifyConfig, ConfigSnapshot]):
    """Tells every inconsistency of the configuration; the result is whether there is none."""

    def needs(self, config: ConfigSnapshot) -> Locks:
        return {level: LockRequest(ALL, LockMode.SHARED) for level in _LOCKED}

    def check(self, config: ConfigSnapshot) -> ConfigSnapshot:
        return config

    def execute(self, plan: ConfigSnapshot) -> bool:
        report = VerifyReport(self.op, self.work.say)
        self.work.say("* Verifying the configuration")
        report.tell(CLUSTER_CFG, self.work.in_thread(lambda: verify.problems(plan)))
        self.work.say("* Verifying the certificates of the cluster")
        for path in self.work.paths.cluster_certificates:
            self._verify_certificate(path, report)
        self.work.say("* Verifying the parameters of hypervisors")
        rules = self.work.dialect.hypervisor_rules
        wrong = self.work.in_thread(lambda: list(_wrong_parameters(plan, rules)))
        report.tell(CLUSTER_CFG, wrong, simulated="false alarm about parameters of hypervisors")
        self.work.say("* Verifying that all nodes belong to a group, and all instances to a node")
        dangling = self.work.in_thread(lambda: _dangling(plan))
        report.tell(
            DANGLING_NODES,
            (f"belongs to a node group that does not exist: {text}" for text in dangling.nodes),
            simulated="false alarm about nodes without a group",
        )
        report.tell(
            DANGLING_INSTANCES,
            (f"has a primary node that does not exist: {name}" for name in dangling.instances),
            simulated="false alarm about instances without a node",
        )
        return not report.failed

    def _verify_certificate(self, path: Path, report: VerifyReport) -> None:
        now = datetime.fromtimestamp(self.work.clock.now_us() / 1e6, UTC)
        try:
            finding = certificates.inspect(path.read_bytes(), now)
        except OSError as error:
            finding = certificates.Finding(f"it cannot be read: {error.strerror}", fatal=True)
        severity = Severity.WARNING if finding and not finding.fatal else Severity.ERROR
        report.tell(
            CLUSTER_CERT,
            [] if finding is None else [f"certificate {path}: {finding.text}"],
            severity=severity,
            simulated=f"false alarm about certificate {path}",
        )


def _wrong_parameters(config: ConfigSnapshot, rules: hypervisor_rules.Rules) -> Iterator[str]:
    """Yield what is wrong with filled hypervisor parameters: of the cluster, of OSes, of instances.

    Parameters that many instances have alike are judged once.
    """
    cluster = config.cluster
    judged: dict[tuple[str, str], list[str]] = {}

    def problems(hypervisor: Hypervisor, *layers: FreeParams) -> list[str]:
        # What is equal reads equal; parameters are JSON values.
        key = (hypervisor, repr(layers))
        if key not in judged:
            filled = fill_free(cluster.hvparams.get(hypervisor, {}), *layers)
            judged[key] = hypervisor_rules.problems(rules, hypervisor, filled)
        return judged[key]

    def told(hypervisor: Hypervisor, source: str, *layers: FreeParams) -> Iterator[str]:
        for text in problems(hypervisor, *layers):
            yield f"parameters of hypervisor {hypervisor} ({source}): {text}"

    for hypervisor in cluster.enabled_hypervisors:
        yield from told(hypervisor, "cluster")
    for os_name, by_hypervisor in cluster.os_hvp.items():
        for name, params in by_hypervisor.items():
            if params:
                yield from told(name, f"OS {os_name}", params)
    for instance in config.instances.sorted():
        if instance.hvparams and instance.hypervisor is not None:
            of_os = cluster.os_hvp.get(instance.os or "", {}).get(instance.hypervisor, {})
            source = f"instance {instance.name or instance.uuid}"
            yield from told(instance.hypervisor, source, of_os, instance.hvparams)


def _dangling(config: ConfigSnapshot) -> _Dangling:
    """Find nodes without a group, with the instances on them, and instances without a node."""
    lost = {
        each.uuid: each for each in config.nodes.sorted() if each.group not in config.nodegroups
    }
    there: defaultdict[str, list[str]] = defaultdict(list)
    homeless: list[str] = []
    for instance in config.instances.sorted():
        name = instance.name or instance.uuid
        if instance.primary_node in lost:
            there[instance.primary_node].append(name)
        elif instance.primary_node is not None and instance.primary_node not in config.nodes:
            homeless.append(name)
    nodes = [
        f"{node.name} (with instances: {', '.join(there[uuid]) or 'none'})"
        for uuid, node in lost.items()
    ]
    return _Dangling(nodes, homeless)
