"""The part of `bootstrap` that joins documents with their store and with the configured models."""

import dataclasses
from importlib import resources

from headgate.bootstrap.vendors import default_embedding_model
from headgate.core.documents import DocumentStore
from headgate.core.keys import DEFAULT_WORKSPACE
from headgate.core.metered import Models
from headgate.core.prompts import Prompts
from headgate.documents.library import Documents, Upload
from headgate.gateway.catalog import AUTO
from headgate.settings import Settings

LOCAL_MODEL = "local/local"
LOCAL_VECTOR_WEIGHT = 0.2
"""Vectors of `local` know spelling: beside the words they help with what is spelt otherwise."""
VECTOR_WEIGHT = 0.5
"""Vectors of vendors' models know meaning."""


def make_documents(settings: Settings, store: DocumentStore, prompts: Prompts) -> Documents:
    """The documents of all workspaces, as the configured models embed and answer."""
    model = default_embedding_model(settings)
    return Documents(
        store=store,
        prompts=prompts,
        embedding_model=model,
        vector_weight=LOCAL_VECTOR_WEIGHT if model == LOCAL_MODEL else VECTOR_WEIGHT,
        answering_model=AUTO,
    )


async def reach(store: DocumentStore) -> None:
    """Ask the documents' store for something, as a health check does.

    Raises:
        Overloaded: it does not answer.
    """
    await store.get(DEFAULT_WORKSPACE, "none")


async def seed_documents(documents: Documents, models: Models) -> int:
    """Add the sample documents that the default workspace has not; how many there are.

    The model `local` embeds them, whatever is configured, so that samples cost nothing.
    """
    own = dataclasses.replace(documents, embedding_model=LOCAL_MODEL)
    uploads = _samples()
    for one in uploads:
        await own.add(DEFAULT_WORKSPACE, [one], models, call_key=_call_key(one))
    return len(uploads)


async def remove_documents(documents: Documents) -> int:
    """Forget the sample documents that the default workspace has; how many there were."""
    keys = [_call_key(one) for one in _samples()]
    return sum([await documents.take_back(DEFAULT_WORKSPACE, key) for key in keys])


def _samples() -> list[Upload]:
    found = resources.files("headgate.documents").joinpath("samples").iterdir()
    return [Upload(one.name, one.read_bytes()) for one in sorted(found, key=lambda one: one.name)]


def _call_key(sample: Upload) -> str:
    return f"samples/{sample.name}"
