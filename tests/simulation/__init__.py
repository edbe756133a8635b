"""The daemon's core, simulated whole: one seed says what happens, and when.

The parts are the real ones, on a real store. What would make two runs differ is decided here: the
event loop (`loop`), the commits (`writer`), the clock, the nodes' answers and the clients.
"""
