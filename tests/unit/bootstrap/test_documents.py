"""Where documents are kept, and what is loaded for them."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from headgate.bootstrap.documents import make_documents, reach
from headgate.bootstrap.store_ports import DOCUMENTS
from headgate.bootstrap.stores import check_documents, open_stores
from headgate.core.errors import Overloaded
from headgate.documents.library import Upload
from headgate.prompts.library import open_library
from headgate.settings import Settings
from local_models import LocalModels


def settings(directory: Path) -> Settings:
    return Settings.load({"HEADGATE_DATA": str(directory)}, directory)


async def test_documents_outlive_the_process_in_a_file_of_their_own(tmp_path: Path) -> None:
    upload = Upload("a.txt", b"Ferries sail at noon.")
    async with open_stores(settings(tmp_path)) as stores:
        documents = make_documents(settings(tmp_path), stores.documents, open_library())
        (added,) = (await documents.add("lab", [upload], LocalModels())).documents
    async with open_stores(settings(tmp_path)) as stores:
        documents = make_documents(settings(tmp_path), stores.documents, open_library())
        assert await documents.document("lab", added.id) == added
        assert documents.embedding_model == "local/local"
    assert stat.S_IMODE((tmp_path / DOCUMENTS).stat().st_mode) == 0o600


async def test_the_doctor_looks_at_the_documents_store(tmp_path: Path) -> None:
    assert (await check_documents(settings(tmp_path))).status == "ok"
    async with open_stores(settings(tmp_path)) as stores:
        await reach(stores.documents)
    assert (await check_documents(settings(tmp_path))).message == str(tmp_path / DOCUMENTS)
    (tmp_path / DOCUMENTS).write_bytes(b"no database at all" * 100)
    broken = await check_documents(settings(tmp_path))
    assert broken.status == "fail"
    assert DOCUMENTS in str(broken.remedy)


async def test_a_documents_store_that_is_away_is_down(tmp_path: Path) -> None:
    async with open_stores(settings(tmp_path)) as stores:
        documents = stores.documents
    with pytest.raises(Overloaded):
        await reach(documents)


def test_a_gateway_starts_without_the_libraries_that_read_documents() -> None:
    program = (
        "import sys\nimport headgate.bootstrap.platform\n"
        "heavy = {'pypdf', 'docx', 'lxml', 'sqlite_vec'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
