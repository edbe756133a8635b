"""Calls to the node daemons: JSON over HTTPS with certificates on both sides.

What decides: `calls` has the 108 calls, each a `call.Call`; `encoding` says how arguments travel,
`virtual_path` how file names do; `result` reads what comes back; `http` turns one request into
bytes and bytes into one answer.

What does: `credentials` loads the certificates, and again when they change; `transport` opens each
`connection` and keeps it; `gates` bounds what one node is asked at once; `runner` asks many nodes
and returns one `RpcResult` for each; `files` reads local files for upload; `replica` lets the
exporter copy queue files to master candidates.

Everything that talks to a node switches greenlets: `Transport.request`, `RpcRunner.call`, and the
methods of a replica.
"""
