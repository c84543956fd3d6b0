"""Routes to keys: the platform's, and users' own for vendors."""

from headgate.http import acts, keys, vendor_keys
from headgate.http.routes import Route


def key_routes() -> list[Route]:
    """Keys of the platform."""
    one = "/v1/auth/keys/{keyId}"
    return [
        Route(
            method="POST",
            path="/v1/auth/keys",
            access="workspace:admin",
            handler=keys.create_key,
            audit=acts.KEY_CREATED,
            summary="Create a key; its secret is shown this once",
            description=(
                "`apiKey` is the secret. It is not kept, so this answer is the only one that "
                "has it. `monthlyBudget` sets a hard budget for the key."
            ),
            body=keys.CreateKey,
            answer=keys.KeyItem,
            status=201,
        ),
        Route(
            method="GET",
            path="/v1/auth/keys",
            access="workspace:admin",
            handler=keys.list_keys,
            summary="List keys",
            description=(
                "Keys that were revoked stand among them. With `withLastUse` each says in "
                "`lastUsedAt` when its last call ended that the ledger still lists."
            ),
            query=keys.KeysQuery,
            answer=keys.KeyPage,
        ),
        Route(
            method="GET",
            path=one,
            access="workspace:admin",
            handler=keys.get_key,
            summary="One key",
            description="Everything about it but its secret.",
            answer=keys.KeyItem,
        ),
        Route(
            method="PATCH",
            path=one,
            access="workspace:admin",
            handler=keys.change_key,
            audit=acts.KEY_CHANGED,
            summary="Change a key",
            description="What is left out stays; null removes a limit.",
            body=keys.ChangeKey,
            answer=keys.KeyItem,
        ),
        Route(
            method="DELETE",
            path=one,
            access="workspace:admin",
            handler=keys.revoke_key,
            audit=acts.KEY_REVOKED,
            summary="Revoke a key, for good",
            description=(
                "It stops working in every process within a second, and cannot come back."
            ),
            answer=keys.KeyItem,
        ),
        Route(
            method="POST",
            path=one + "/rotate",
            access="workspace:admin",
            handler=keys.rotate_key,
            audit=acts.KEY_ROTATED,
            summary="Give a key a new secret",
            description=(
                "The answer has the new secret in `apiKey`. The old one works for "
                "`graceSeconds` more."
            ),
            body=keys.RotateKey,
            answer=keys.KeyItem,
        ),
    ]


def vendor_key_routes() -> list[Route]:
    """Users' own keys for vendors."""
    one = "/v1/providers/{provider}/key"
    return [
        Route(
            method="PUT",
            path=one,
            access="any",
            handler=vendor_keys.set_vendor_key,
            audit=acts.VENDOR_KEY_SET,
            summary="Set a user's own key for a vendor",
            description=(
                "The user's calls to that vendor are made with it from then on: the vendor bills "
                "the user, and the platform nothing. It is kept encrypted, and never told again. "
                "A key that has a user sets that user's; an administrator says whose with `userId`."
            ),
            body=vendor_keys.SetVendorKey,
            answer=vendor_keys.VendorKeyItem,
        ),
        Route(
            method="GET",
            path=one,
            access="any",
            handler=vendor_keys.get_vendor_key,
            summary="See which key a user has for a vendor",
            description="Its last four characters, and when it was set.",
            query=vendor_keys.VendorKeyQuery,
            answer=vendor_keys.VendorKeyItem,
        ),
        Route(
            method="DELETE",
            path=one,
            access="any",
            handler=vendor_keys.delete_vendor_key,
            audit=acts.VENDOR_KEY_DELETED,
            summary="Remove a user's key for a vendor",
            description="The user's calls are made with the platform's key again, and billed.",
            query=vendor_keys.VendorKeyQuery,
            answer=vendor_keys.VendorKeyItem,
        ),
    ]
