"""How far a long computation is, and what it needs to go on from there after it was killed."""

from collections.abc import Callable


class Progress:
    """What a fit reports to. This one takes no notice.

    A fit that takes minutes calls `keep` after every stretch of steps and begins from what `restored` returns, so that
    a job that is killed and started again loses little and ends with the same result.
    """

    def __call__(self, step: int, total: int) -> None:
        """Told that `step` of `total` steps are done."""

    def keep(self, stage: str, state: Callable[[], dict]) -> None:
        """Offered the state of a stage of the fit (tensors, numbers and lists of them), made only where it is kept."""

    def watch(self, step: int, total: int, posterior: Callable[[], object]) -> None:
        """Offered the posterior as it is in the middle of training, made only where it is looked at."""

    def restored(self, stage: str) -> dict | None:
        """The state of a stage that was kept last; None where there is none."""
        return None


SILENT = Progress()
