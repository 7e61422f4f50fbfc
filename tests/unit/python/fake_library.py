"""A stand-in for libhypertop: keeps what it is told, hands out the commands that a test puts in."""

import ctypes
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "agent", "python"))
sys.dont_write_bytecode = True

import hypertop  # noqa: E402
from hypertop import _library, _trial  # noqa: E402


class FakeLibrary:
    """The functions of hypertop.h that a trial without bandits uses. `said` lists what arrived, in order."""

    def __init__(self):
        self.said, self.commands, self.values, self.live = [], [], {}, {}
        self.stop, self.paused, self.closed = False, 0, False

    def give(self, kind, name="", text="", id=1):
        self.commands.append((kind, name, text, id))

    def of(self, what):
        return [rest for kind, *rest in self.said if kind == what]

    def ht_open(self, options):
        return 4711

    def ht_status(self, handle):
        return 0

    def ht_close(self, handle):
        self.closed = True

    def ht_seed(self, handle, absent):
        return absent

    def ht_trial(self, handle):
        return 17

    def ht_dropped(self, handle):
        return 3

    def ht_flush(self, handle, ms):
        return 0

    def ht_float_from(self, handle, name, low, high, start, flags):
        return self.values.setdefault(name, (low + high) / 2 if start != start else start)

    def ht_int(self, handle, name, low, high, flags):
        return self.values.setdefault(name, (low + high) // 2)

    def ht_int_from(self, handle, name, low, high, start, flags):
        return self.values.setdefault(name, start)

    def ht_choice(self, handle, name, array, n, flags):
        return self.values.setdefault(name, array[0])

    def ht_log(self, handle, name, step, value):
        point = _library.ctypes.c_double(value).value  # refuses what ctypes refuses
        self.said.append(("log", name.decode(), ctypes.c_int64(step).value, point))

    def ht_log_many(self, handle, n, address, step, packed):
        names = (ctypes.c_char_p * n).from_address(address)
        for i, value in enumerate(memoryview(packed).cast("d")):
            self.said.append(("log", names[i].decode(), ctypes.c_int64(step).value, value))

    def ht_text(self, handle, step, text):
        self.said.append(("text", text.decode(), step))

    def ht_report(self, handle, step, value):
        self.said.append(("report", step, value))
        return 1 if self.stop else 0

    def ht_step(self, handle, step):
        self.said.append(("step", step))

    def ht_checkpoint(self, handle, path, step):
        self.said.append(("checkpoint", path.decode(), step))

    def ht_answer(self, handle, id, ok, message):
        self.said.append(("answer", id, ok, message.decode()))

    def ht_poll_for(self, handle, address, ms):
        record = _library.CommandRecord.from_address(address)
        record.kind = _library.CMD_NONE
        if self.stop:
            return _library.STOP
        if self.commands:
            kind, name, text, record.id = self.commands.pop(0)
            record.kind, record.name, record.text = kind, name.encode(), text.encode()
            if kind == _library.CMD_SET:
                old = self.values[record.name]
                self.values[record.name] = text.encode() if isinstance(old, bytes) else type(old)(text)
            return 0
        if self.paused:
            self.paused -= 1
            return _library.PAUSED
        return 0


def fake_trial(**options):
    """A live trial on a fake library; its environment is that of a run which nobody leased."""
    lib = FakeLibrary()
    load, _library.load = _library.load, lambda: lib
    try:
        trial = _trial.Trial(**options)
    finally:
        _library.load = load
    assert trial.live
    return trial, lib


__all__ = ["FakeLibrary", "fake_trial", "hypertop", "_library", "_trial"]
