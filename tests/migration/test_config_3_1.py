"""A configuration of any release in the form of 3.1."""

import pytest

from masterd.config import document
from migrations.legacy.config_downgrade import downgrade
from migrations.legacy.config_upgrade import upgrade
from migrations.legacy.config_versions import CURRENT, NEXT
from tests.migration.old_configs import expressible, of_3_1, old
from tests.sample_config import Document, sample


def spoken(config: Document) -> Document:
    """Return a document as the daemon reads and writes it."""
    return document.join(document.split(config))


def test_one_that_has_the_form_stays_as_it_is() -> None:
    config = of_3_1(sample(1))
    config["cluster"]["hvparams"]["kvm"]["disk_aio"] = "io_uring"
    made = upgrade(config, wanted=NEXT)
    assert made.document is config
    assert spoken(config)["version"] == NEXT


def test_one_of_3_0_loses_the_command_for_xen_and_says_what_discarding_was() -> None:
    config = sample(1)
    instance = next(iter(config["instances"].values()))
    instance["hvparams"] = {"disk_discard": "default"}
    config["cluster"]["hvparams"]["xen-pvm"]["xen_cmd"] = "xm"
    made = upgrade(config, wanted=NEXT)
    assert made.document["version"] == NEXT
    hvparams = made.document["cluster"]["hvparams"]
    assert not any("xen_cmd" in params for params in hvparams.values())
    assert hvparams["kvm"]["disk_discard"] == "ignore"
    changed = made.document["instances"][instance["uuid"]]
    assert changed["hvparams"] == {"disk_discard": "ignore"}
    assert any("cluster.hvparams.xen-pvm.xen_cmd: 'xm'" in note for note in made.notes)


@pytest.mark.parametrize("minor", [7, 11, 16, 17])
def test_an_older_one_takes_the_way_over_3_0(minor: int) -> None:
    config = old(expressible(1, minor), minor)
    ids = iter(range(1000))
    first = upgrade(config, new_uuid=lambda: f"uuid-{next(ids)}").document
    ids = iter(range(1000))
    made = upgrade(config, wanted=NEXT, new_uuid=lambda: f"uuid-{next(ids)}").document
    assert made == upgrade(first, wanted=NEXT).document


def test_there_and_back_only_the_command_for_xen_is_another() -> None:
    config = sample(1)
    for name in ("xen-pvm", "xen-hvm"):
        config["cluster"]["hvparams"][name]["xen_cmd"] = "xl"
    config["cluster"]["hvparams"]["kvm"]["disk_discard"] = "ignore"
    there = upgrade(config, wanted=NEXT)
    assert there.notes == ()
    assert spoken(dict(downgrade(there.document, CURRENT).document)) == spoken(config)
