"""One Redis server after another: a primary that was replaced goes on until it hears of that, with
numbers as high as those of the new one, and so misleads readers. Pure."""

from collections.abc import Iterable

from .epoch import Epoch
from .subscription import Subscription


class Succession:
    """Whose history readers are given, and up to where they may have been given another one's."""

    def __init__(self) -> None:
        self.epoch = Epoch()
        self.last = 0
        """The highest number that was read there."""
        self._told = 0  # up to where those who have left were given what it has
        self._misled = 0

    def recognise(self, heard: Epoch, readers: Iterable[Subscription]) -> None:
        """Live messages come from this server. Whom another one told of something later than the
        beginning of its history reads on from there."""
        if heard == self.epoch:
            return
        here = tuple(readers)
        if heard.is_other(self.epoch):
            self._misled = max([self._told, *(reader.told for reader in here)])
            self._told = self.last = 0
        self.epoch = heard
        for reader in here:
            self.correct(reader)

    def correct(self, reader: Subscription) -> None:
        """The same for one that comes, or comes back. Not where it has just what was read last:
        long polls would end at once, again and again."""
        if self.epoch.since < reader.cursor <= self._misled and reader.cursor != self.last:
            reader.go_back(self.epoch.since)

    def leave(self, reader: Subscription) -> None:
        """It may come back with what it was told."""
        self._told = max(self._told, reader.told)
