"""The master daemon of a Ganeti cluster.

One process: greenlets serve clients and drive node daemons, one native thread commits to the store,
a few native threads write files. Read the folders in the order in which a job meets them: `luxi`,
`opcodes`, `job`, `lock`, `lu`, `rpc`, `config`, `query`; `app` wires them, `daemon` keeps them
running.
"""

from typing import Final

__version__: Final = "0.1.0"
