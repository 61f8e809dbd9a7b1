"""Arguments that several of the core's directives take, each with an error text of its own."""

from __future__ import annotations

from pyhttpd.config.directive import ChoiceError, Converter


def choice(message: str, *choices: str) -> Converter:
    """One of some words, in lower case; `message` is the error text."""

    def convert(word: str) -> str:
        if word.lower() not in choices:
            raise ChoiceError(message, choices)
        return word.lower()

    return convert


def on_or_off(message: str = "parameter must be 'on' or 'off'") -> Converter:
    """A flag where Apache has another text than for its other flags."""
    word_of = choice(message, "on", "off")

    def convert(word: str) -> bool:
        return bool(word_of(word) == "on")

    return convert
