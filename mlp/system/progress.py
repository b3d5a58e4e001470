"""Progress bars that leave nothing behind."""

from tqdm import tqdm


class Bar(tqdm):  # type: ignore[type-arg]
    """tqdm's bar, without the thread that watches over it, shown or not, to the end of the process."""

    monitor_interval = 0
