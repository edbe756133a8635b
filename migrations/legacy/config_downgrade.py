"""Bring a configuration back to the form of an older Ganeti.

Each way leads one version back. A value that the older version has no place for is a note where it
means nothing there, and a reason to refuse where something would stop working without a word.

Source: Ganeti 3.0.2 cfgupgrade (3.0 to 2.16), stable-2.17 (to 2.16), stable-3.1 (to 3.0);
`Constants.hs` of each for the values that parameters may have.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from migrations.legacy import config_shape
from migrations.legacy.config_versions import CURRENT, form_of, version_text
from migrations.legacy.config_work import (
    ConfigFormError,
    Converted,
    Document,
    Step,
    Work,
    changed,
    no_uuid,
    with_cluster,
    without,
)

#: What the maintenance daemon of 2.17 has as long as nobody configured it.
_MAINTENANCE: Final = {"roundDelay": 300, "balance": False, "balanceThreshold": 0.1}
#: What it holds only while it is at work.
_MAINTENANCE_WORK: Final = ("jobs", "evacuated", "incidents")
_COLLECTORS_2_17: Final = ("diagnose", "kvm-inst-rss")
_FILE_NAME_2_17: Final = "diagnose_data_collector_filename"
_MEMORY_RATIO: Final = "memory-ratio"
_MEMORY_RATIO_DEFAULT: Final = 1.0

_XEN: Final = ("xen-pvm", "xen-hvm")
#: The one command for Xen that 3.1 knows, and therefore no longer names.
_XEN_COMMAND: Final = "xl"
#: Values of hypervisor parameters that only 3.1 knows, with the nearest that 3.0 has.
_NEW_VALUES_3_1: Final = {"disk_aio": ("io_uring", "native")}


def downgrade(document: Document, version: int) -> Converted:
    """Return a document in the form of an older version; one that has it is returned as it is.

    `document` is not changed; the serial number stays.

    Args:
        document: A parsed `config.data` of 3.1, 3.0 or 2.17.
        version: The wanted one: 3000000 or 2160000.

    Raises:
        ConfigFormError: there is no such way, or the document cannot go it.
    """
    found = document.get("version")
    if found == version and version in TARGETS:
        return Converted(document)
    form = form_of(found)
    ways = _ways(form, version) if form is not None else None
    if ways is None:
        told = version_text(found) if type(found) is int else "no known version"
        wanted = version_text(version)
        raise ConfigFormError([f"version: there is no way back from {told} to {wanted}"])
    work = Work(no_uuid)
    work.reasons += config_shape.problems(document)
    if not work.reasons:
        for way in ways:
            document = way(document, work)
    if work.reasons:
        raise ConfigFormError(work.reasons)
    return Converted({**document, "version": version}, tuple(work.notes))


def from_3_1(document: Document, work: Work) -> Document:
    """Name the command for Xen again, which is `xl`; refuse values that 3.0 does not know."""
    cluster = document["cluster"]
    hvparams = cluster.get("hvparams") or {}
    for path, params in _hypervisor_params(document):
        for name, (value, nearest) in _NEW_VALUES_3_1.items():
            if params.get(name) == value:
                work.reasons.append(
                    f"{path}.{name}: Ganeti 3.0 has no '{value}'; set '{nearest}' first"
                )
    xen = {
        name: {**hvparams[name], "xen_cmd": _XEN_COMMAND}
        for name in _XEN
        if hvparams.get(name) is not None
    }
    return with_cluster(document, hvparams={**hvparams, **xen}) if xen else document


def from_2_17(document: Document, work: Work) -> Document:
    """Drop what only 2.17 has: its maintenance daemon, two collectors, a ratio of policies."""
    _tell_maintenance(document.get("maintenance"), work)
    document = without(document, "maintenance")
    cluster = document["cluster"]
    if cluster.get(_FILE_NAME_2_17):
        work.notes.append(f"cluster.{_FILE_NAME_2_17}: left out; there is no such collector")
    cluster = without(cluster, _FILE_NAME_2_17)
    if cluster.get("data_collectors") is not None:
        kept = without(cluster["data_collectors"], *_COLLECTORS_2_17)
        cluster = {**cluster, "data_collectors": kept}
    if cluster.get("ipolicy") is not None:
        policy = _without_ratio(cluster["ipolicy"], "cluster.ipolicy", work)
        cluster = {**cluster, "ipolicy": policy}

    def group(key: str, value: Document) -> Document:
        if value.get("ipolicy") is None:
            return value
        path = f"nodegroups.{key}.ipolicy"
        return {**value, "ipolicy": _without_ratio(value["ipolicy"], path, work)}

    return changed({**document, "cluster": cluster}, "nodegroups", group)


def from_3_0(document: Document, _work: Work) -> Document:
    """Leave everything as it is: 2.16 has every key of 3.0.

    The reference takes out type and length of the SSH keys and refuses others than DSA, as was
    needed one version further back; 2.16 requires both keys and knows the same types.
    """
    return document


#: Where a way leads, and the way, by the form it begins with.
_WAYS: Final[Mapping[int, tuple[int, Step]]] = {
    3_010_000: (3_000_000, from_3_1),
    3_000_000: (2_160_000, from_3_0),
    2_170_000: (2_160_000, from_2_17),
}

#: Versions that a way leads back to.
TARGETS: Final = frozenset(target for target, _ in _WAYS.values())


def _ways(form: int, version: int) -> list[Step] | None:
    """Return the steps from a form to a version, None if there is no way."""
    ways = []
    while form != version:
        if form not in _WAYS:
            return None
        form, way = _WAYS[form]
        ways.append(way)
    return ways if version in TARGETS or version == CURRENT else None


def _hypervisor_params(document: Document) -> Iterator[tuple[str, Mapping[str, Any]]]:
    cluster = document["cluster"]
    for name, params in (cluster.get("hvparams") or {}).items():
        yield f"cluster.hvparams.{name}", params or {}
    for system, hypervisors in (cluster.get("os_hvp") or {}).items():
        for name, params in (hypervisors or {}).items():
            yield f"cluster.os_hvp.{system}.{name}", params or {}
    for key, instance in document["instances"].items():
        yield f"instances.{key}.hvparams", instance.get("hvparams") or {}


def _tell_maintenance(found: object, work: Work) -> None:
    if found is None:
        return
    if not isinstance(found, dict):
        work.reasons.append(f"maintenance: expected an object, got {type(found).__name__}")
        return
    work.reasons += [
        f"maintenance.{name}: the maintenance daemon is at work; let it end first"
        for name in _MAINTENANCE_WORK
        if found.get(name)
    ]
    work.notes += [
        f"maintenance.{name}: left out; there is no maintenance daemon"
        for name, default in _MAINTENANCE.items()
        if found.get(name, default) != default
    ]


def _without_ratio(policy: Document, path: str, work: Work) -> Document:
    if policy.get(_MEMORY_RATIO, _MEMORY_RATIO_DEFAULT) != _MEMORY_RATIO_DEFAULT:
        work.notes.append(f"{path}.{_MEMORY_RATIO}: left out; policies have no such ratio")
    return without(policy, _MEMORY_RATIO)
