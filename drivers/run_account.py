"""What the pump's counter says about one infusion: where it began, what is believable, and when a run was lost. Pure.

For pumps that tell no more than a counter, and of which it is not known for sure when that goes back to zero: with
the start, with a setting, or never [I]. So its value is noted when an infusion is written, and the first look after
the start tells which it was. A pump that loses power says nothing about it [?]: a run that moved, was not ended by
us, and stands with its counter gone back is taken for lost. Knows no bytes and no family.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.clock import NS_PER_S

_MARGIN = 1.05
"""A counter may be so much ahead of rate times time before it is doubted."""
_START_S = 0.2  # and so long before the moment at which the start was noted


@dataclass
class RunAccount:
    """The account of the infusion that was written last. Volumes in microlitres."""

    rate_ul_per_min: float = 0.0
    target_ul: float = 0.0
    zero_ul: float = 0.0
    """What the counter showed when the infusion was written."""
    zero_known: bool = True
    started_ns: int | None = None
    open: bool = False
    """Started, and neither stopped by us nor found ended."""
    moved: bool = False
    """A fresh status said that it runs."""
    seen_ul: float = 0.0

    @classmethod
    def written(cls, rate_ul_per_min: float, target_ul: float, counter_ul: float) -> RunAccount:
        """Return the account of an infusion just written; nothing has flowed."""
        return cls(rate_ul_per_min, target_ul, counter_ul, zero_known=counter_ul == 0.0)

    def start(self, now_ns: int) -> None:
        """Note that the start goes out now."""
        self.started_ns, self.open = now_ns, True

    def most_ul(self, now_ns: int) -> float:
        """Return what can have flowed by now."""
        if self.started_ns is None:
            return 0.0
        elapsed_s = (now_ns - self.started_ns) / NS_PER_S + _START_S
        return min(self.rate_ul_per_min * elapsed_s / 60.0, self.target_ul) * _MARGIN

    def is_due(self, now_ns: int) -> bool:
        """Tell whether the run must have reached its target by now."""
        return self.open and self.most_ul(now_ns) >= self.target_ul * _MARGIN

    def is_at_target(self, infused_ul: float) -> bool:
        """Tell whether the run shows its whole target: it should have ended."""
        return self.open and infused_ul >= self.target_ul

    def read(self, counter_ul: float, step_ul: float, now_ns: int) -> tuple[float, float]:
        """Return (volume of this infusion, how far it may be above that)."""
        if counter_ul < self.zero_ul - step_ul / 2:
            self.zero_ul, self.zero_known = 0.0, True  # it began anew
        if self.started_ns is None:
            return max(counter_ul - self.zero_ul, 0.0), step_ul
        if not self.zero_known and counter_ul > self.most_ul(now_ns) + step_ul:
            self.zero_known = True  # too much for a counter that began at zero: it counts on
        if not self.zero_known:  # either could be: the lower one, and the difference as its uncertainty
            return max(counter_ul - self.zero_ul, 0.0), self.zero_ul + step_ul
        return max(counter_ul - self.zero_ul, 0.0), step_ul

    def believable(self, infused_ul: float, step_ul: float, now_ns: int) -> bool:
        """Tell whether a reading needs no second one: neither behind the last, nor ahead of rate and target.

        Before the start nothing can have flowed.
        """
        return self.seen_ul - step_ul <= infused_ul <= self.most_ul(now_ns) + step_ul

    def is_lost(self, infused_ul: float, step_ul: float, now_ns: int) -> bool:
        """Tell whether a pump found stopped has lost this run: it had moved, and its counter went back.

        A zero counts as gone back only where more than two counts should have shown by now.
        """
        if not (self.open and self.moved):
            return False
        should_ul = min(self.most_ul(now_ns), self.target_ul)
        return infused_ul < self.seen_ul - step_ul or (infused_ul == 0.0 and should_ul > 2 * step_ul)
