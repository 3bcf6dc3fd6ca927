"""What may be wrong with a unit or its fixture: switches for tests and for training."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Faults:
    """Set before or during a run; each holds until it is unset. Byte counts begin at the chip's last reset."""

    boot_held: bool = False
    """BOOT is pressed: every reset enters download mode."""
    ignores_reset: bool = False
    """The adapter's lines do not reach EN and IO0: only power and BOOT decide."""
    babbles: bool = False
    """The chip answers garbage instead of frames."""
    garbles_above_baud: int | None = None
    """Adapter and cable hold no more than this baud rate: what is sent faster arrives as garbage."""
    silent_after_bytes: int | None = None
    """The chip answers nothing once it has received this many bytes."""
    power_cut_after_bytes: int | None = None
    """The unit is pulled out once it has received this many bytes."""
    hang_up_after_bytes: int | None = None
    """The port closes the client's connection once it has received this many bytes from it."""
    worn_cells: dict[int, int] = field(default_factory=dict)
    """Flash address → bits of that byte that read inverted after programming."""
