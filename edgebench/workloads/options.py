"""A named part built with the options a plan gives it; a wrong option is a sentence, not a TypeError."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, ValidationError, validate_call

from edgebench import plugins
from edgebench.errors import UsageError, did_you_mean


def made(shelf: str, name: str, options: Mapping[str, Any]) -> Any:
    """``plugins.find(shelf, name)(**options)``, with the options checked against the factory's own signature.

    Raises
    ------
    UsageError: no such name, no such option (with the nearest one), or a value of the wrong kind.
    """
    factory = plugins.find(shelf, name)
    takes = inspect.signature(factory).parameters
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes.values())
    for option in options:
        if option not in takes and not open_ended:
            hint = did_you_mean(option, takes, f"it takes: {', '.join(takes) or 'no options'}")
            raise UsageError(f"{shelf.rstrip('s')} {name} has no option {option!r}", hint=hint)
    try:
        return validate_call(config=ConfigDict(strict=False))(factory)(**options)
    except ValidationError as exc:
        wrong = exc.errors()[0]
        option = ".".join(map(str, wrong["loc"]))
        raise UsageError(
            f"{shelf.rstrip('s')} {name}: option {option}: {wrong['msg']}", hint=f"{name}: {{{option}: …}}"
        ) from exc
