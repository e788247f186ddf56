"""Base64 as it comes, in chunks: what is none of it is never gathered."""

from __future__ import annotations

import pytest

from images_api._images.base64 import Base64Text, BrokenImageError, decode_text
from images_api._images.spool import Spool


def test_padding_without_end_is_refused() -> None:
    text = Base64Text(Spool().new(), b"data:;base64,")
    text.write(b"AAAA")
    text.write(b"====")
    text.write(b"====")
    with pytest.raises(ValueError, match="too much padding"):
        text.write(b"=")
    assert (text.content.read(), text.text()) == (bytes(3), b"data:;base64,AAAA========")


def test_only_in_a_url_may_a_percent_sign_stand_for_a_letter() -> None:
    assert decode_text("data:;base64,%41AAA") == decode_text("AAAA") == bytes(3)
    with pytest.raises(BrokenImageError, match="isn't base64"):
        decode_text("%41AAA")
