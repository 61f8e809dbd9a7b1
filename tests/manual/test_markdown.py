"""The README's Markdown as the manual shows it."""

from __future__ import annotations

from scripts.manual import markdown

TEXT = """\
# A title

## First

Some `code`, **strong** words
and a [link](somewhere.md).

- one
- two, on
  two lines

| a | b |
|---|---|
| `x | y` | a \\| b |
| | empty |

![a picture](docs/_static/a.png)

    code
      more

## Second

More.
"""


def test_blocks() -> None:
    text = markdown.section(TEXT, "First")
    assert text is not None
    assert list(markdown.blocks(text)) == [
        ("text", [["Some `code`, **strong** words and a [link](somewhere.md)."]]),
        ("list", [["one"], ["two, on two lines"]]),
        ("table", [["a", "b"], ["`x | y`", "a | b"], ["", "empty"]]),
        ("image", [["a picture", "docs/_static/a.png"]]),
        ("code", [["code\n  more"]]),
    ]
    assert markdown.section(TEXT, "Third") is None


def test_inline() -> None:
    assert list(markdown.inline("Some `code`, **strong** [link](x).")) == [
        ("text", "Some "), ("code", "code"), ("text", ", "), ("strong", "strong"), ("text", " "), ("text", "link"),
        ("text", "."),
    ]  # fmt: skip
