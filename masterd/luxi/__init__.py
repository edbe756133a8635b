"""LUXI: the Unix sockets on which clients talk to the master daemon.

Bytes apart from sockets: `framing` cuts the stream, `messages` reads envelopes and writes answers,
`calls` are the 25 methods as typed values, `methods` and `checks` make them from requests. `server`
accepts connections and lends each message a greenlet; `connection` holds one client, `reply` is the
handle with which its answer is given, now or much later; `sockets` makes the socket files. `client`
is the other side.

Only a handler runs in a greenlet and may switch; everything else happens in callbacks of the event
loop and never does.
"""
