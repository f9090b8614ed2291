"""Stand-ins for what the kernels of other platforms do: kqueue, and the poll of macOS.

The kqueue follows kqueue(2) of macOS and works on real pipes, sockets and processes, by edge-triggered epoll.
"""

import array
import fcntl
import os
import select
import signal
import termios
from dataclasses import dataclass

KQ_FILTER_READ, KQ_FILTER_PROC = -1, -5
KQ_EV_ADD, KQ_EV_ONESHOT, KQ_EV_CLEAR, KQ_EV_EOF = 0x1, 0x10, 0x20, 0x8000
KQ_NOTE_EXIT = 0x80000000


@dataclass
class kevent:
    ident: int
    filter: int = KQ_FILTER_READ
    flags: int = KQ_EV_ADD
    fflags: int = 0
    data: int = 0
    udata: int = 0


class kqueue:
    """Those filters and flags that the watchdog uses; anything else is an error."""

    def __init__(self):
        self._epoll = select.epoll()
        self._pids = {}  # by the descriptor that stands for the process
        self._made_by = os.getpid()

    def control(self, changelist, max_events, timeout=None):
        """Register events, or return those that happened; an error of a registration is raised."""
        if os.getpid() != self._made_by:
            raise OSError(9, "a kqueue is not inherited over fork")
        for change in changelist or ():
            if change.filter == KQ_FILTER_PROC and change.fflags == KQ_NOTE_EXIT and change.flags == KQ_EV_ADD:
                self._add_process(change.ident)
            elif change.filter == KQ_FILTER_READ and change.flags == KQ_EV_ADD | KQ_EV_CLEAR:
                # an edge: reported again only when data or the end arrives, not as long as data lies there
                self._epoll.register(change.ident, select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET)
            else:
                raise NotImplementedError(change)
        if not max_events:
            return []
        return [self._event(*found) for found in self._epoll.poll(timeout, max_events)]

    def _add_process(self, pid):
        process = os.pidfd_open(pid)  # ESRCH if there is none
        if select.select([process], [], [], 0)[0]:
            raise ProcessLookupError(3, "No such process")  # a zombie, which kqueue does not find either
        self._pids[process] = pid
        self._epoll.register(process, select.EPOLLIN | select.EPOLLONESHOT)

    def _event(self, descriptor, found):
        if descriptor in self._pids:
            flags = KQ_EV_ADD | KQ_EV_EOF | KQ_EV_ONESHOT
            return kevent(self._pids[descriptor], KQ_FILTER_PROC, flags, KQ_NOTE_EXIT)
        ended = found & (select.EPOLLHUP | select.EPOLLRDHUP)
        unread = array.array("i", [0])
        fcntl.ioctl(descriptor, termios.FIONREAD, unread)
        flags = KQ_EV_ADD | KQ_EV_CLEAR | (KQ_EV_EOF if ended else 0)
        return kevent(descriptor, KQ_FILTER_READ, flags, 0, unread[0])


def install_kqueue():
    """Make select what it is on macOS, unless it is."""
    if not hasattr(select, "kqueue"):
        select.kqueue, select.kevent = kqueue, kevent
        for name, value in globals().items():
            if name.startswith("KQ_"):
                setattr(select, name, value)


def install_poll():
    """Leave poll as the one way to wait."""
    for name in ("kqueue", "kevent"):
        if hasattr(select, name):
            delattr(select, name)


_poll = select.poll


class XnuPoll:
    """poll as XNU has it: a descriptor of which no event is asked that XNU knows is not watched at all."""

    KNOWN = select.POLLIN | select.POLLPRI | select.POLLOUT | select.POLLERR | select.POLLHUP | select.POLLNVAL

    def __init__(self):
        self._watched = {}

    def register(self, descriptor, events):
        if events & self.KNOWN:
            self._watched[descriptor] = events & self.KNOWN

    def unregister(self, descriptor):
        self._watched.pop(descriptor, None)

    def poll(self, timeout=None):
        if not self._watched and timeout is None:
            with open(os.environ["WAITS_FOR_EVER"], "w"):  # tells the test so
                signal.pause()
        real = _poll()
        for descriptor, events in self._watched.items():
            real.register(descriptor, events)
        return real.poll(timeout)


def install_xnu_poll():
    """Have the poll of macOS, and nothing else to wait with."""
    install_poll()
    select.poll = XnuPoll
