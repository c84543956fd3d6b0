import math
from array import array

from headgate.documents.embedding import BATCH, embedded
from local_models import LocalModels


async def test_texts_are_embedded_in_batches_under_keys_of_their_own() -> None:
    models = LocalModels()
    texts = [f"text {number}" for number in range(BATCH + 1)]
    made = await embedded(texts, models, "local", "call")
    assert [len(one.input) for one in models.embeddings] == [BATCH, 1]
    assert models.call_keys == ["call/vectors/0", f"call/vectors/{BATCH}"]
    assert len(made.vectors) == len(texts)
    assert len(made.events) == 2


async def test_a_vector_has_length_1_and_a_space_that_names_its_maker() -> None:
    made = await embedded(["one text"], LocalModels(), "local", None)
    ((space, values),) = made.vectors
    assert space == "local/local/256"
    assert math.isclose(math.hypot(*array("f", values)), 1, abs_tol=1e-5)
