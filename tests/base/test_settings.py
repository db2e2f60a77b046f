"""Settings are declared with types and bounds, and checked against these alone."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from pydantic import Field

from bnnbench import datasets, hyperpriors, inference, networks, priors, probes
from bnnbench.base import settings
from bnnbench.base.settings import Count, Positive, Share, faults
from bnnbench.source import digest

DECLARED = {
    **{f"inference/{name}": (inference.find(name), ()) for name in digest.modules("inference")},
    **{f"priors/{name}": (priors.family(name), ()) for name in digest.modules("priors")},
    **{f"hyperpriors/{name}": (hyperpriors.density(name), ()) for name in digest.modules("hyperpriors")},
    **{f"probes/{name}": (probes.find(name), ()) for name in digest.modules("probes")},
    **{f"networks/{name}": (networks.builder(name), networks.GIVEN) for name in digest.modules("networks")},
    **{f"datasets/{name}": (datasets._module(name).generate, datasets.GIVEN) for name in datasets.FAMILIES},
}


@pytest.mark.parametrize("name", DECLARED)
def test_whatever_takes_settings_types_them_and_allows_its_own_defaults(name):
    declared, given = DECLARED[name]
    known = settings.parameters(declared, given)
    untyped = [key for key, (kind, _) in known.items() if kind in (Any, int, float, str)]
    assert not untyped, f"{name}: give {untyped} types with bounds, such as settings.Count"
    defaults = {key: default for key, (_, default) in known.items() if default is not ...}
    assert faults(declared, defaults, "setting", leaving_out=given, partial=True) == []


@dataclass(frozen=True)
class Some:
    needed: Count
    rate: Positive = 0.1
    shares: Annotated[tuple[Share, ...], Field(min_length=1)] = (0.5,)
    kind: Literal["a", "b"] = "a"
    rank: Count | None = None
    low: int = 0
    high: int = 1

    def __post_init__(self):
        if self.low > self.high:
            raise ValueError(f"low is {self.low}: it must not exceed high, {self.high}")


SHARE = "a number of at least 0 and of at most 1"
KNOWN = "needed, rate, shares, kind, rank, low, high"


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"needed": 3, "rate": 1, "shares": [0, 1], "rank": None}, []),
        ({"needed": np.int64(3), "rate": np.float32(0.5)}, []),
        ({}, ["setting 'needed' is missing: give a whole number of at least 1"]),
        ({"needed": True}, ["needed is True: it must be a whole number of at least 1"]),
        ({"needed": 2.0}, ["needed is 2.0: it must be a whole number of at least 1"]),
        ({"needed": 1, "rate": float("inf")}, ["rate is inf: it must be a number above 0, finite"]),
        ({"needed": 1, "rate": "1e-3"}, ["rate is the text '1e-3', not a number: write 0.001"]),
        ({"needed": 1, "shares": []}, [f"shares is []: it must be a list, each item {SHARE}, not empty"]),
        ({"needed": 1, "shares": [0.5, 2]}, [f"shares.1 is 2: it must be {SHARE}"]),
        ({"needed": 1, "kind": "c"}, ["kind is 'c': it must be one of a, b"]),
        ({"needed": 1, "rank": 0}, ["rank is 0: it must be a whole number of at least 1, or null"]),
        ({"needed": 1, "rats": 1}, [f"no setting 'rats': did you mean 'rate'? known are {KNOWN}"]),
    ],
)  # fmt: skip
def test_faults_name_key_value_and_what_is_allowed(values, found):
    assert faults(Some, values, "setting") == found


def test_values_that_are_wrong_together_are_told_by_the_dataclass():
    with pytest.raises(ValueError, match="some: low is 3: it must not exceed high, 2"):
        settings.make(Some, {"needed": 1, "low": 3, "high": 2}, "setting", "some")
    assert settings.make(Some, {"needed": 1, "low": 2, "high": 2}, "setting", "some") == Some(1, low=2, high=2)


def test_repeated_values_are_told_with_their_places():
    assert settings.repeated([1, 2, 3]) == []
    assert settings.repeated([1, 2, 1.0, 2]) == [
        "1 is there 2 times, at places 1, 3: keep one of them",
        "2 is there 2 times, at places 2, 4: keep one of them",
    ]
