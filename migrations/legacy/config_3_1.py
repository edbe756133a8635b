"""Bring a configuration of 3.0 to the form of 3.1.

Source: stable-3.1 cfgupgrade; 3.1.0 `Constants.hs` for the values that parameters may have.
"""

from typing import Final

from migrations.legacy.config_work import Document, Work, changed, with_cluster, without

#: What 3.1 no longer has: it knows one command for Xen.
_XEN_COMMAND: Final = "xen_cmd"

_DISCARD: Final = "disk_discard"
#: What 3.1 no longer knows as a value, and what says the same.
_DISCARD_DEFAULT: Final = "default"
_DISCARD_IGNORE: Final = "ignore"


def to_3_1(document: Document, work: Work) -> Document:
    """Drop the command for Xen, and say what a disk's default for discarding was."""
    cluster = document["cluster"]
    for name, params in (cluster.get("hvparams") or {}).items():
        if params and params.get(_XEN_COMMAND) not in (None, "xl"):
            work.notes.append(
                f"cluster.hvparams.{name}.{_XEN_COMMAND}: '{params[_XEN_COMMAND]}' is left out;"
                " Ganeti 3.1 knows 'xl' only"
            )
    hvparams = {
        name: params and _as_3_1(without(params, _XEN_COMMAND))
        for name, params in (cluster.get("hvparams") or {}).items()
    }
    os_hvp = {
        system: {name: params and _as_3_1(params) for name, params in (by_name or {}).items()}
        for system, by_name in (cluster.get("os_hvp") or {}).items()
    }
    document = with_cluster(document, hvparams=hvparams, os_hvp=os_hvp)

    def instance(_key: str, value: Document) -> Document:
        params = value.get("hvparams")
        return {**value, "hvparams": _as_3_1(params)} if params else value

    return changed(document, "instances", instance)


def _as_3_1(params: Document) -> Document:
    if params.get(_DISCARD) != _DISCARD_DEFAULT:
        return params
    return {**params, _DISCARD: _DISCARD_IGNORE}
