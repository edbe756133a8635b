"""Bring the configuration of an older Ganeti to the form of 3.0, or of 3.1.

The steps stand in order of the versions that brought their forms. All of them are taken for every
older document, whatever its version: a step finds nothing to do where its form is there already,
and a document that went back and forth between versions may lack what its version should have
(the reference's way back takes out keys which the older version has). Nothing is dropped silently:
what 3.0 has no place for is a note where it means nothing any more, and a reason to refuse the
whole where it does. Keys that no step knows are kept, for the reader of the finished document to
refuse.

Source: Ganeti 3.0.2 cfgupgrade (what is done to the file) and lib/config, lib/objects.py (what is
filled in when it is loaded); stable-2.17 and stable-3.1 for those two.
"""

import uuid
from typing import Final

from migrations.legacy import config_disks as disks
from migrations.legacy import config_objects as objects
from migrations.legacy import config_params as params
from migrations.legacy import config_shape
from migrations.legacy.config_3_1 import to_3_1
from migrations.legacy.config_downgrade import from_2_17, from_3_1
from migrations.legacy.config_versions import CURRENT, NEXT, form_of, version_text
from migrations.legacy.config_work import ConfigFormError, Converted, Document, NewUuid, Step, Work

#: (version that brought the form, what it is, step), in the order in which they are taken.
STEPS: Final[tuple[tuple[int, str, Step], ...]] = (
    (2_060_000, "memory as smallest and largest", params.split_memory),
    (2_070_000, "keys of the cluster", objects.cluster_keys(2_070_000)),
    (2_070_000, "mask of the master IP", objects.master_netmask),
    (2_070_000, "enabled hypervisors in order", objects.first_hypervisor),
    (2_070_000, "networks, named by uuid", objects.networks),
    (2_080_000, "policies with ranges of sizes", params.size_ranges),
    (2_090_000, "types of disks named as templates", disks.name_types),
    (2_090_000, "nodes and instances by uuid", objects.by_uuid),
    (2_090_000, "disks with uuids", disks.identify_disks),
    (2_090_000, "spindles of disks", disks.tell_spindles),
    (2_110_000, "keys of the cluster", objects.cluster_keys(2_110_000)),
    (2_110_000, "wanted states and who wants them", objects.instance_states),
    (2_120_000, "keys of the cluster", objects.cluster_keys(2_120_000)),
    (2_120_000, "disks of their own", disks.lift_disks),
    (2_130_000, "filter rules", objects.sections),
    (2_130_000, "data collectors", objects.collectors),
    (2_140_000, "nodes of disks", disks.place_disks),
    (2_140_000, "instances without a template", objects.forget_templates),
    (2_160_000, "type and length of SSH keys", objects.cluster_keys(2_160_000)),
    (3_000_000, "parameters of the cluster", params.fill_cluster_params),
    (3_000_000, "parameters of groups", params.fill_group_params),
    (3_000_000, "parameters only a cluster has", params.drop_global_params),
    (3_000_000, "nodes", objects.complete_nodes),
    (3_000_000, "instances", objects.complete_instances),
    (3_000_000, "disks", disks.complete_disks),
    (3_000_000, "enabled disk templates", params.enable_templates),
)


def random_uuid() -> str:
    """Return a new random uuid."""
    return str(uuid.uuid4())


def upgrade(
    document: Document, *, wanted: int = CURRENT, new_uuid: NewUuid = random_uuid
) -> Converted:
    """Return a document in the form of 3.0 or 3.1; one that has it is returned as it is.

    The serial number stays; `document` is not changed.

    Args:
        document: A parsed `config.data` of a version in `config_versions.TAKEN`.
        wanted: CURRENT or NEXT.
        new_uuid: Names objects that older versions had no uuids for.

    Raises:
        ConfigFormError: it cannot be brought to that form; names every reason found.
    """
    version = document.get("version")
    if version == wanted:
        return Converted(document)
    form = form_of(version)
    if form is None:
        told = version_text(version) if type(version) is int else "no known version"
        raise ConfigFormError([f"version: documents of {told} are not taken over"])
    work = Work(new_uuid)
    work.reasons += config_shape.problems(document)
    if not work.reasons:
        if version != form:
            work.notes.append(f"version: {version} is a revision; taken as {version_text(form)}")
        for step in _steps(form, wanted):
            document = step(document, work)
    if work.reasons:
        raise ConfigFormError(work.reasons)
    return Converted({**document, "version": wanted}, tuple(work.notes))


def _steps(form: int, wanted: int) -> tuple[Step, ...]:
    if form == NEXT:
        completed: tuple[Step, ...] = (disks.identify_disks, disks.complete_disks)
        return completed if wanted == NEXT else (from_3_1, *completed)
    older = tuple(step for _, _, step in STEPS) if form != CURRENT else ()
    if form == 2_170_000:
        older = (from_2_17, *older)
    return (*older, to_3_1) if wanted == NEXT else older
