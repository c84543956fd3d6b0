"""OpenAI's own client, pointed at Headgate: any vendor's model, under the key's budget."""

import os

from openai import OpenAI

client = OpenAI(base_url=os.environ["HEADGATE_URL"] + "/v1", api_key=os.environ["HEADGATE_API_KEY"])
answer = client.chat.completions.create(
    model="sandbox", messages=[{"role": "user", "content": "Hello from OpenAI's client"}]
)
print(answer.choices[0].message.content)
