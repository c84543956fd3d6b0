"""One answer, what it cost, and what was spent so far."""

from headgate_sdk import Headgate

with Headgate() as client:
    answer = client.complete("Hello there", model="sandbox", tags=["quick-start"])
    print(answer.content)
    print(f"{answer.usage.total_tokens} tokens, ${answer.usage.billed:.7f} billed")

    usage = client.usage.get(group_by="tag")
    for row in usage.rows:
        if row.tag == "quick-start":
            print(f"{row.requests} request(s) with this tag so far")
