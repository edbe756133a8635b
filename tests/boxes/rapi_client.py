"""Ask the remote API all that can be read, and for a job; runs inside a box, by Debian's Python.

Prints what was asked and how it went. Needs the packages python3-ganeti-rapi and python3-pycurl.
"""

# Installed on the box, not here.
from ganeti.rapi import client as rapi  # type: ignore[import-not-found,import-untyped,unused-ignore]

#: Whatever can be read without an argument.
_LISTS = (
    "GetVersion", "GetFeatures", "GetOperatingSystems", "GetInfo", "GetClusterTags",
    "GetInstances", "GetJobs", "GetNodes", "GetNetworks", "GetGroups", "GetFilters",
)  # fmt: skip


def main() -> None:
    """Ask one thing after the other; an exception ends it."""
    client = rapi.GanetiRapiClient("127.0.0.1", username="tour", password="secret")
    for name in _LISTS:
        getattr(client, name)()
        print(name, "answered")
    for name in client.GetNodes():
        node = client.GetNode(name)
        print(node["name"], client.GetNodeRole(name), client.GetNodeTags(name))
    for name in client.GetInstances():
        print(client.GetInstance(name)["name"], client.GetInstanceTags(name))
        print(client.WaitForJobCompletion(client.GetInstanceInfo(name)))
    for name in client.GetGroups():
        print(client.GetGroup(name)["name"], client.GetGroupTags(name))
    client.QueryFields("node")
    print(len(client.Query("node", ["name", "role"])["data"]), "nodes")
    for resource in ("instance", "group", "network", "job", "lock", "filter", "export"):
        client.Query(resource, [client.QueryFields(resource)["fields"][0]["name"]])
    storage = client.GetNodeStorageUnits(client.GetNodes()[0], "file", "name,size")
    print("storage", client.WaitForJobCompletion(storage))
    job = client.AddClusterTags(["from-afar"])
    print(client.WaitForJobCompletion(job))
    print(client.GetClusterTags())
    client.WaitForJobCompletion(client.DeleteClusterTags(["from-afar"]))
    print(client.GetJobStatus(job)["status"])


if __name__ == "__main__":
    main()
