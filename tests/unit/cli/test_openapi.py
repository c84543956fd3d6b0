from fake_installation import FakeInstallation, invoke


def test_the_document_is_printed_as_it_is() -> None:
    assert invoke(FakeInstallation(), "openapi").stdout == '{"openapi":"3.1.0"}\n'
