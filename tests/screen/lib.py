"""A virtual terminal for the screen tests: pyte, and what pyte lacks of xterm. Raises ImportError where pyte is not installed."""

import itertools

import pyte


class Screen(pyte.Screen):
    """With REP, SU and SD (CSI n b, S, T), which ncurses uses wherever terminfo has them."""

    last = " "

    def draw(self, data):
        if data:
            self.last = data[-1]
        super().draw(data)

    def repeat_last(self, count=1):
        self.draw(self.last * (count or 1))

    def scroll(self, count, edge, step):
        x, y = self.cursor.x, self.cursor.y
        self.cursor.y = edge
        for _ in range(count or 1):
            step()
        self.cursor.x, self.cursor.y = x, y

    def scroll_up(self, count=1):
        self.scroll(count, self.margins.bottom if self.margins else self.lines - 1, self.index)

    def scroll_down(self, count=1):
        self.scroll(count, self.margins.top if self.margins else 0, self.reverse_index)


class Stream(pyte.ByteStream):
    csi = dict(pyte.ByteStream.csi, b="repeat_last", S="scroll_up", T="scroll_down")
    events = frozenset(itertools.chain(pyte.ByteStream.events, ["repeat_last", "scroll_up", "scroll_down"]))


def terminal(cols, rows):
    screen = Screen(cols, rows)
    return screen, Stream(screen)
