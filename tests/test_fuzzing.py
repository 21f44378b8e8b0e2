"""Whatever comes in from outside is understood or refused in words: bytes of streams, cursors,
messages of the queue, files. docs/security.md says how many inputs were tried."""

import io
import json
import zipfile
from contextlib import suppress
from typing import Any

from celery import current_app
from celery.exceptions import InvalidTaskError
from django.core.files import File
from django.test import RequestFactory
from hypothesis import strategies as st
from kombu.message import Message

from headway import JobError
from headway.stream import asking, sse
from headway.stream.websocket_messages import frames, parsed
from headway.worker import messages
from headway.worker.request import JobRequest
from jobs.archive.checksum_archive import read_archive
from jobs.csv_import.csv_table import Table
from jobs.csv_import.import_csv import ENCODING_CHOICES
from jobs.simulate import simulate
from tests.kinds.archives import a_tar, a_zip
from tests.support.forged import BENT, HEADERS, PROPERTIES, sound
from tests.support.thorough import Fuzz

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(BENT),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
PARTS = [
    *(b"data: ", b"data", b"id: ", b"event: ", b"retry: ", b":", b"\n", b"\r", b"\r\n", b"\n\n"),
    *(b"\xef\xbb\xbf", b"\0", b"\xff", b"\xe2\x80\xa8", b"1" * 30, b"{}", b"done", b"snapshot"),
]


def test_a_stream_of_anything_is_read_the_same_in_any_pieces(fuzz: Fuzz) -> None:
    def check(parts: list[bytes], cut: int) -> None:
        stream, piecemeal = b"".join(parts), sse.Decoder()
        whole = [*sse.Decoder().feed(stream)]
        at = cut % (len(stream) + 1)
        assert [*piecemeal.feed(stream[:at]), *piecemeal.feed(stream[at:])] == whole

    parts = st.lists(st.sampled_from(PARTS) | st.binary(max_size=20), max_size=40)
    fuzz(check, parts, st.integers(min_value=0), usual=100, thorough=20_000)


def test_what_is_written_is_read_and_is_json_for_a_websocket(fuzz: Fuzz) -> None:
    def check(data: str, event: str, cursor: str) -> None:
        block = sse.encode(data, event=event, id=cursor)
        [message] = sse.Decoder().feed(block)
        assert message.data == "\n".join(sse._LINE_END.split(data))
        assert sse.Decoder().feed(block + block) is not None
        block = sse.encode(json.dumps(data), event="log", id="1")
        [frame] = frames(block)
        assert json.loads(f"{{{frame.fields}}}")["data"] == data

    texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
    fuzz(check, texts, texts, texts, usual=50, thorough=10_000)


def test_a_cursor_of_anything_is_a_number_or_none(fuzz: Fuzz) -> None:
    requests = RequestFactory()

    def check(header: str, address: str) -> None:
        request = requests.get("/", {"cursor": address}, headers={"Last-Event-ID": header})
        number, reason = asking.cursor(request)
        if number is None:
            assert reason in ("", "unknown")
        else:
            assert 0 <= number < 10**18

    digits = st.integers().map(str) | st.text("0123456789٣²-+ ._e", max_size=25) | st.text()
    fuzz(check, digits, digits, usual=100, thorough=5_000)


def test_a_message_of_a_websocket_is_an_object_or_none(fuzz: Fuzz) -> None:
    def check(message: bytes) -> None:
        asked = parsed(message)
        assert asked is None or isinstance(asked, dict)

    written = ANYTHING.map(lambda value: json.dumps(value).encode())
    fuzz(check, st.binary() | written, usual=50, thorough=5_000)


def test_a_message_of_the_queue_is_a_request_or_is_refused(fuzz: Fuzz) -> None:
    """Beyond test_forged.py, where a worker takes them: several fields are bent at once."""

    def check(headers: dict[str, Any], properties: dict[str, Any], body: Any) -> None:
        message = sound()
        message["headers"] |= headers
        message["properties"] |= properties
        parts = body if isinstance(body, list) else message["body"]
        with suppress(messages.MessageError, InvalidTaskError):
            messages.require_envelope(message | {"body": ""})
            messages.require_task(message["headers"], message["properties"], parts)
            text = json.dumps(parts)
            JobRequest(
                Message(
                    text,
                    headers=message["headers"],
                    properties=message["properties"],
                    delivery_info=message["properties"].get("delivery_info"),
                    content_type="application/json",
                    content_encoding="utf-8",
                ),
                app=current_app,
                task=simulate,
            )

    fuzz(
        check,
        st.dictionaries(st.sampled_from(HEADERS), ANYTHING, max_size=3),
        st.dictionaries(st.sampled_from(PROPERTIES), ANYTHING, max_size=2),
        st.none() | st.lists(ANYTHING, max_size=4),
        usual=100,
        thorough=3_000,
    )


CELLS = [
    *(b"a", b"1", b"2026-01-01", b",", b";", b"\t", b"|", b'"', b'""', b"\n", b"\r\n", b"\r"),
    *(b"\0", b"\xff", b"\xc3\xa9", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"sep=;\n", b"=1+1"),
]


def test_a_csv_file_of_anything_is_rows_or_a_sentence(fuzz: Fuzz) -> None:
    def check(parts: list[bytes], encoding: str, header: bool) -> None:
        content = b"".join(parts)
        with suppress(JobError):
            table = Table(
                File(io.BytesIO(content), "x"), encoding=encoding, has_header=header, typed=True
            )
            for row in table:
                assert row.line > 0
                assert row.problem or len(row.cells) == len(table.columns.names)

    parts = st.lists(st.sampled_from(CELLS) | st.binary(max_size=8), min_size=1, max_size=60)
    encodings = st.sampled_from([*ENCODING_CHOICES])
    fuzz(check, parts, encodings, st.booleans(), usual=80, thorough=3_000)


FILES = {"one.txt": b"1" * 500, "ä/two": bytes(range(256)), "empty": b""}
ARCHIVES = [
    a_zip(FILES),
    a_zip(FILES, zipfile.ZIP_STORED),
    *(a_tar(FILES, packing) for packing in ("", "gz", "bz2", "xz")),
]


def test_an_archive_that_is_bent_anywhere_is_read_or_a_sentence(fuzz: Fuzz) -> None:
    def check(archive: bytes, bends: list[tuple[float, bytes]], end: float) -> None:
        bent = bytearray(archive)
        for place, content in bends:
            at = int(place * len(bent))
            bent[at : at + len(content)] = content
        file = io.BytesIO(bytes(bent[: int(end * len(bent))]))
        with suppress(JobError):
            for member in read_archive(File(file, "x")):
                if not member.skipped:
                    assert sum(map(len, member.blocks())) == member.size

    place = st.floats(0, 1, allow_nan=False)
    bends = st.lists(st.tuples(place, st.binary(min_size=1, max_size=4)), max_size=4)
    end = st.just(1.0) | place
    fuzz(check, st.sampled_from(ARCHIVES), bends, end, usual=80, thorough=3_000)
