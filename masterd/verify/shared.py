"""What all nodes must have alike: certificates, keys and files. Pure.

Source: Ganeti 3.0.2 lib/cmdlib/cluster/verify.py, LUClusterVerifyGroup (_VerifyClientCertificates,
_VerifySshSetup, _VerifyFiles).
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from masterd.config.cluster import Cluster
from masterd.config.node import Node
from masterd.filter.natural import natural_key
from masterd.verify import asked, problems
from masterd.verify.group import NodeImage
from masterd.verify.problems import Problem, problem

_REBUILD: Final = (
    "New certificates for all nodes are made by 'gnt-cluster renew-crypto --new-node-certificates'."
)


def client_certificates(cluster: Cluster, images: Sequence[NodeImage]) -> Iterator[Problem]:
    """Compare the nodes' certificates with the list of those that may call nodes."""
    code, known = problems.CLUSTER_CLIENT_CERT, cluster.candidate_certs
    if not known:
        text = (
            "No certificate of a master candidate is known; perhaps the cluster was just updated."
        )
        yield problem(code, "", f"{text} {_REBUILD}")
        return
    wrong: list[str] = []
    if len(set(known.values())) != len(known):
        wrong.append("Two master candidates are said to have the same certificate.")
    for image in images:
        if image.found:
            wrong += _certificate(image.node, image.found.get("client-cert"), known)
    if wrong:
        for text in (*wrong, _REBUILD):
            yield problem(code, "", text)


def _certificate(node: Node, told: object, known: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with one node's certificate; it tells a failure, or a digest."""
    match told:
        case [None, str(digest)]:
            pass
        case [failure, text]:
            yield f"The certificate of node {node.name} fails its check: {text} ({failure})"
            return
        case _:
            yield f"Node {node.name} does not tell of its certificate"
            return
    expected = known.get(node.uuid)
    is_of_another = expected is None and digest in known.values()
    if not node.master_candidate:
        if expected is not None:
            yield f"Node {node.name} is no master candidate, but listed among their certificates"
        elif is_of_another:
            yield f"Node {node.name} is no master candidate, but has the certificate of one"
    elif expected is None:
        yield f"The certificate of the master candidate {node.name} is not listed"
        if is_of_another:
            yield f"The master candidate {node.name} has the certificate of another node"
    elif expected != digest:
        yield (
            f"The certificate of the master candidate {node.name} has the digest {digest}, and is"
            f" listed with {expected}"
        )


def ssh_setup(images: Sequence[NodeImage]) -> Iterator[Problem]:
    """Tell what is wrong with keys; the first node that says nothing ends it."""
    for image in images:
        if image.node.offline:
            continue
        if not image.found:
            yield problem(problems.NODE_SSH, image.node.name, "does not tell of its ssh keys")
            return
        for check in (asked.SSH_SETUP, asked.SSH_CLUTTER):
            told = image.found.get(check)
            if told:
                text = " ".join(told) if isinstance(told, list) else str(told)
                yield problem(problems.NODE_SSH, "", text)


class FileComparison:
    """The files of nodes, by their digests."""

    def __init__(self, images: Sequence[NodeImage], local: Callable[[str], Path]) -> None:
        """Read what nodes told; `local` translates a name that travelled."""
        self._told: list[tuple[Node, dict[Path, str]]] = []
        self._silent: list[Node] = []
        for image in images:
            if image.node.offline:
                continue
            digests = (image.found or {}).get(asked.FILES)
            if isinstance(digests, dict) and digests:
                found = {local(name): digest for name, digest in digests.items()}
                self._told.append((image.node, found))
            else:
                self._silent.append(image.node)

    def silent(self) -> Iterator[Problem]:
        """Tell of the nodes that say nothing of their files."""
        for node in self._silent:
            yield problem(problems.NODE_FILES, node.name, "does not tell the digests of its files")

    def file(
        self, path: Path, should_have: Callable[[Node], bool], *, optional: bool
    ) -> Iterator[Problem]:
        """Compare one file."""
        expected = [node.name for node, _ in self._told if should_have(node)]
        present = {node.name: found[path] for node, found in self._told if path in found}
        missing = [name for name in expected if name not in present]
        unexpected = [name for name in present if name not in expected]
        code = problems.CLUSTER_FILES
        if optional:
            if missing and len(missing) < len(expected):
                text = f"The file {path} must be on all nodes or on none; it is not on"
                yield problem(code, "", f"{text} {_named(missing)}")
        else:
            if missing:
                yield problem(code, "", f"The file {path} is missing on {_named(missing)}")
            if unexpected:
                yield problem(code, "", f"The file {path} should not be on {_named(unexpected)}")
        variants: defaultdict[str, list[str]] = defaultdict(list)
        for name, digest in present.items():
            variants[digest].append(name)
        if len(variants) > 1:
            told = "; ".join(
                f"variant {number} on {_named(variants[digest])}"
                for number, digest in enumerate(sorted(variants), start=1)
            )
            yield problem(code, "", f"The file {path} differs between nodes: {told}")


def _named(names: Sequence[str]) -> str:
    return ", ".join(sorted(names, key=natural_key))
