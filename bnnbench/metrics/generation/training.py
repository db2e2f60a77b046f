"""What adversarial training reports of itself: measured where it happens, described here."""

from .._registry import declare

for _player in ("discriminator", "generator"):
    declare(
        __name__,
        f"final_{_player}_loss",
        label=f"Final loss of the {_player}",
        definition=f"The loss of the {_player} at the end of training, the mean over the last stretch of steps; its "
        "prior's part included.",
        direction="",
    )
