"""A batch that cannot cost more than it may: it stops at its budget, and goes on with a higher one.

It is run with an administrator's key, makes a key with a budget for the batch, and gives it more.
"""

from collections.abc import Iterator

from headgate_sdk import BudgetExceededError, Headgate

BUDGET = 0.0003
RAISED = 0.003
QUESTIONS = [f"What is {n} times {n}?" for n in range(1, 21)]


def answered(client: Headgate, done: dict[str, str]) -> Iterator[str]:
    """Answer what is open, until all is done or the money is."""
    for question in QUESTIONS:
        if question not in done:
            done[question] = client.complete(question, model="sandbox", max_tokens=32).content
            yield question


def main() -> None:
    done: dict[str, str] = {}
    with Headgate() as admin:
        key = admin.keys.create(
            name="nightly batch", scopes=["ai:complete", "usage:read"], monthly_budget=BUDGET
        )
        with Headgate(api_key=key.api_key) as client:
            try:
                for _ in answered(client, done):
                    pass
            except BudgetExceededError as error:
                print(
                    f"{len(done)} of {len(QUESTIONS)}: stopped at its budget of ${error.limit:.7f}"
                )
                print(f"spent ${error.spent:.7f}, and never more")
            admin.keys.update(key.key_id, monthly_budget=RAISED)
            for _ in answered(client, done):
                pass
            budget = client.usage.budget()
            print(f"{len(done)} of {len(QUESTIONS)}: ${budget.spent:.7f} of ${RAISED:.7f}")


if __name__ == "__main__":
    main()
