"""Webhooks go to public addresses only, however a private one is written."""

import pytest

from headway.lifecycle import webhooks


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "https://user:secret@example.com/",
        "https://10.0.0.1/",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[fe80::1]/",
        "https://[fec0::1]/",
        "https://[::127.0.0.1]/",
        "https://[::ffff:0:10.0.0.1]/",
        "https://0.0.0.0/",
        "https://100.64.0.1/",
        "https://224.0.0.1/",
        "https:///x",
        "https://example.com:port/",
        "nonsense",
        "https://" + "a" * 64 + ".example/",
    ],
)
def test_private_addresses_and_what_is_none_are_refused(url: str) -> None:
    with pytest.raises(webhooks.RefusedError):
        webhooks.check(url)


@pytest.mark.parametrize("name", ["localhost", "127.1", "2130706433", "0x7f000001"])
def test_a_name_that_leads_to_a_private_address_is_refused(name: str) -> None:
    webhooks.check(f"https://{name}/")  # its text does not tell
    with pytest.raises(webhooks.RefusedError):
        webhooks.post(f"https://{name}/", b"", {})
