"""The part of `bootstrap` that joins documents with their store and with the configured models."""

from headgate.bootstrap.vendors import default_embedding_model
from headgate.core.documents import DocumentStore
from headgate.core.prompts import Prompts
from headgate.documents.library import Documents
from headgate.gateway.catalog import AUTO
from headgate.settings import Settings


def make_documents(settings: Settings, store: DocumentStore, prompts: Prompts) -> Documents:
    """The documents of all workspaces, as the configured models embed and answer."""
    return Documents(
        store=store,
        prompts=prompts,
        embedding_model=default_embedding_model(settings),
        answering_model=AUTO,
    )
