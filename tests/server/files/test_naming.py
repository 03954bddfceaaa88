"""Labels: what is left of a hostile name."""

from __future__ import annotations

import pytest

from server.files.naming import MAX_LABEL, TYPES, begins_right, extension, label


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("Plan.pdf", "Plan.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("/", "file"),
        ("", "file"),
        ("...", "file"),
        (".htaccess", "file.htaccess"),
        ("a\0b\r\nSet-Cookie: x.txt", "abSet-Cookie_ x.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("zero\u200bwidth\ufeff.txt", "zerowidth.txt"),
        ('"><script>.txt', "___script_.txt"),
        ("con.txt", "_con.txt"),
        ("Übersicht 日本.PDF", "Übersicht 日本.PDF"),
        ("u\u0308.txt", "ü.txt"),
        ("  a   b  .txt ", "a b.txt"),
        ("a.t xt", "a.txt"),
        ("\ud800.txt", "file.txt"),
    ],
)
def test_a_label_has_nothing_that_misleads(given: str, left: str) -> None:
    assert label(given) == left


def test_a_long_label_keeps_its_end() -> None:
    assert label("x" * 5000 + ".pdf").endswith("x.pdf") and len(label("x" * 5000 + ".pdf")) == MAX_LABEL


def test_a_label_of_a_label_is_the_same() -> None:
    for given in ("../a b.txt", "con.txt", ".x", "…", "a" * 500):
        assert label(label(given)) == label(given)


def test_nothing_that_a_browser_opens_as_a_page_is_taken() -> None:
    assert not {"html", "htm", "xhtml", "xml", "svg", "js", "mjs", "swf", "exe"} & set(TYPES)
    assert not any("html" in type_.media or "svg" in type_.media or type_.media == "xml" for type_ in TYPES.values())


def test_the_first_bytes_must_not_belie_the_end_of_the_name() -> None:
    assert extension("a.tar.ZIP") == "zip" and extension("zip") == ""
    assert begins_right("pdf", b"%PDF-1.7") and not begins_right("pdf", b"<html>")
    assert begins_right("txt", b"<html>")
