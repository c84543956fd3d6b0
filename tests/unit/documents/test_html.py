from headgate.documents.html import read_html


def read(source: str) -> list[tuple[str, int]]:
    reading = read_html(source.encode())
    return [(reading.text[one.start : one.end], one.level) for one in reading.blocks]


def test_a_reader_sees_text_and_neither_scripts_nor_styles() -> None:
    page = (
        "<!doctype html><html><head><title>T</title><style>p{}</style></head><body>"
        "<script>alert('<p>no</p>')</script><h2>Fees &amp; taxes</h2>"
        "<p>A <b>bold</b>\n  word.<br>Next line.</p><template>no</template>"
        "<svg><text>no</text></svg>"
        "</body></html>"
    )
    assert read(page) == [("Fees & taxes", 2), ("A bold word.\nNext line.", 0)]


def test_lists_tables_and_preformatted_text_keep_their_shape() -> None:
    page = (
        "<ul><li>one<li>two</ul><table><tr><th>City<th>Size</tr>"
        "<tr><td><p>Oslo</p></td><td>7</td></tr></table><pre>a  b\n  c</pre>"
    )
    assert [text for text, _ in read(page)] == [
        "one",
        "two",
        "City | Size",
        "Oslo | 7",
        "a  b\n  c",
    ]


def test_a_page_in_another_encoding_is_read_in_it() -> None:
    page = '<meta charset="iso-8859-2"><p>Łódź</p>'.encode("iso-8859-2")
    assert read_html(page).text == "Łódź"


def test_what_is_left_open_or_makes_no_sense_is_read_as_well_as_it_can_be() -> None:
    assert read("<div><p>one<p>two</b></div></p></tr>three<") == [
        ("one", 0),
        ("two", 0),
        ("three<", 0),
    ]
    assert read("") == []
