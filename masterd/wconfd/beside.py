"""What the master daemon answers for its companion: builds the parts, and serves them.

The socket is for the daemons' own user alone: who may connect can change the configuration.
"""

from functools import partial

import gevent

from masterd.clock import Clock
from masterd.job.model import Holder, Peer
from masterd.lock.manager import LockManager
from masterd.lock.open_table import OpenTable
from masterd.lock.outsiders import OutsideLocks
from masterd.lock.owners import Outsider
from masterd.luxi.messages import Request
from masterd.luxi.reply import Reply
from masterd.luxi.server import Server, ServerLimits
from masterd.luxi.sockets import SocketSpec
from masterd.wconf.gate import Config, GatedConfig
from masterd.wconf.reservations import Reservations
from masterd.wconfd.instances import Instances
from masterd.wconfd.methods import Methods
from masterd.wconfd.mortality import Mortality
from masterd.wconfd.objects import Objects, locked_by
from masterd.wconfd.setting_aside import SettingAside
from store.threads import in_thread


class Beside:
    """Programs beside the daemon: their locks, what they put aside, and what they change."""

    def __init__(
        self,
        manager: LockManager,
        table: OpenTable,
        config: Config,
        reservations: Reservations,
        holder: Holder,
        clock: Clock,
    ) -> None:
        """Build.

        Args:
            table: that of `manager`.
            config: the configuration, changes of which are told once they are shown.
            holder: the daemon.
        """
        self.locks = OutsideLocks(manager, table, clock)
        #: The configuration as jobs are to change it.
        self.config = GatedConfig(config, partial(locked_by, self.locks), clock, sleep=gevent.sleep)
        self._clock = clock
        pool = gevent.get_hub().threadpool
        self._aside = SettingAside(config, reservations)
        self._objects = Objects(config, self.config, self.locks, partial(in_thread, pool))
        self._mortality = Mortality(
            lambda: self.locks.owners() | self._aside.owners(),
            self._release,
            holder.livelock,
            partial(in_thread, pool),
        )
        self._methods = Methods(
            self.locks,
            self._objects,
            self._aside,
            Instances(self._objects, reservations),
            holder,
            self._mortality.clean,
        )
        self._server: Server | None = None

    def start(self, socket: SocketSpec, bounds: ServerLimits) -> None:
        """Serve the companion, and look after the programs it speaks for.

        Raises:
            OSError: the socket cannot be made.
        """
        self._server = Server([socket], self._handle, clock=self._clock, bounds=bounds)
        self._server.start()
        self._mortality.start()

    def stop(self) -> None:
        """End. Switches."""
        self._mortality.stop()
        if self._server is not None:
            self._server.close()

    def keep(self) -> str | None:
        """Make the socket again where it is gone; see `keeper`."""
        return None if self._server is None else self._server.keep()

    def stop_accepting(self) -> None:
        """Take no new work."""
        if self._server is not None:
            self._server.stop_accepting()

    def _handle(self, request: Request, _peer: Peer, reply: Reply) -> None:
        reply.success(self._methods.call(request.method, request.args))

    def _release(self, owner: Outsider) -> None:
        self._objects.forget(owner)
        self._aside.drop(owner)
        self.locks.release(owner)
