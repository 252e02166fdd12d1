"""Tokens of unsubscribe links."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_kit.cipher import cipher
from onegrid_kit.settings import SettingsError
from onegrid_notify.settings import NotifySettings
from onegrid_notify.unsubscribing import Unsubscription

CIPHER = cipher("AES-256-GCM", "a:" + "5a" * 32)
RENEWED = cipher("AES-256-GCM", "b:" + "6b" * 32 + ",a:" + "5a" * 32)
FOREIGN = cipher("AES-256-GCM", "a:" + "00" * 32)
MAIL = Unsubscription("users/0191", Channel.CHANNEL_EMAIL, "columns/210602-news")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/. \x00é"


@pytest.mark.parametrize("algorithm", ["AES-256-GCM", "SM4-GCM"])
@given(st.sampled_from([1, 2, 3]), st.sampled_from(["", "petitions", "columns/210602-news"]))
def test_a_token_says_what_it_was_made_for(algorithm: str, channel: Channel, topic: str) -> None:
    keys = cipher(algorithm, "a:" + "5a" * 32)
    made = Unsubscription("users/0191", channel, topic)
    assert Unsubscription.of_token(made.token(keys), keys) == made


@given(st.data())
def test_a_token_of_which_any_character_was_changed_is_refused(data: st.DataObject) -> None:
    token = MAIL.token(CIPHER)
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from(_LETTERS.replace(token[at], "")))
    assert Unsubscription.of_token(token[:at] + letter + token[at + 1 :], CIPHER) is None


@given(st.data())
def test_a_token_of_which_any_byte_was_changed_is_refused(data: st.DataObject) -> None:
    token = MAIL.token(CIPHER)
    sealed = bytearray(base64.urlsafe_b64decode(token + "=="[: -len(token) % 4]))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    assert Unsubscription.of_token(base64.urlsafe_b64encode(sealed).rstrip(b"=").decode(), CIPHER) is None


@given(st.text(max_size=200))
def test_what_we_did_not_make_is_refused(text: str) -> None:
    assert Unsubscription.of_token(text, CIPHER) is None


def test_a_token_that_is_cut_or_longer_or_sealed_by_others_or_for_another_purpose_is_refused() -> None:
    token = MAIL.token(CIPHER)
    other = CIPHER.seal(json.dumps(["users/0191", 1, ""]).encode(), "notify.address")
    for wrong in (token[:-1], token + "A", token + "=", MAIL.token(FOREIGN), base64.urlsafe_b64encode(other).decode()):
        assert Unsubscription.of_token(wrong, CIPHER) is None


def test_a_token_outlives_a_renewed_key_and_names_nobody_to_others() -> None:
    token = MAIL.token(CIPHER)
    assert Unsubscription.of_token(token, RENEWED) == MAIL
    assert b"0191" not in base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def test_a_link_leads_to_where_the_routes_are_reached() -> None:
    for url in ("https://push.example.cn", "https://push.example.cn/"):
        link = MAIL.link(url, CIPHER)
        assert link.startswith("https://push.example.cn/v1/unsubscribe/")
        assert Unsubscription.of_token(link.rpartition("/")[2], CIPHER) == MAIL
    assert MAIL.link("", CIPHER) == ""


def test_where_links_lead_is_checked_at_the_start() -> None:
    given = {"database_url": "", "page_token_key": "k" * 32, "cipher_keys": "a:" + "5a" * 32}
    with pytest.raises(SettingsError, match="ONEGRID_HTTP_URL"):
        NotifySettings(**given, http_url="push.example.cn")
    assert NotifySettings(**given, http_url="https://push.example.cn").http_url
