"""Progress bars that start no thread."""

from tqdm import tqdm


class Bar(tqdm):  # type: ignore[type-arg]
    """tqdm's bar without its monitor thread, which would run to the end of the process."""

    monitor_interval = 0
