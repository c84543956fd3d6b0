"""Two tenants of one platform: one brings its own key for a vendor, the other pays the platform.

It is run with an administrator's key, and makes a key for each tenant.
"""

from headgate_sdk import Headgate, ModelNotFoundError

MODEL = "gpt-4o-mini"


def main() -> None:
    with Headgate() as admin:
        keys = {
            tenant: admin.keys.create(name=tenant, user_id=tenant, scopes=["ai:complete"])
            for tenant in ("ada", "ben")
        }
        # The platform never shows this key again, sends it to this vendor alone, and encrypts it.
        admin.providers.set_key("openai", "sk-of-ada-herself", user_id="ada")
        for tenant, key in keys.items():
            with Headgate(api_key=key.api_key) as client:
                try:
                    answer = client.complete("Hello", model=MODEL)
                except ModelNotFoundError:
                    print(f"{tenant}: there is no key for that vendor, so there is no such model")
                    answer = client.complete("Hello", model="sandbox")
            print(f"{tenant}: {answer.provider}, billed ${answer.usage.billed:.7f}")
        for event in admin.usage.events(user_id="ada"):
            billed = f"cost ${event.cost:.7f}, billed ${event.billed:.7f}"
            print(f"ada's ledger: byok {event.byok}, {billed}")
        admin.providers.delete_key("openai", user_id="ada")


if __name__ == "__main__":
    main()
