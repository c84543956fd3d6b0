"""LangChain on Headgate: its own class for OpenAI, with another address."""

import os

from langchain_openai import ChatOpenAI

model = ChatOpenAI(
    model="sandbox",
    base_url=os.environ["HEADGATE_URL"] + "/v1",
    api_key=os.environ["HEADGATE_API_KEY"],
)
print(model.invoke("Hello from LangChain").text)
for chunk in model.stream("One word at a time"):
    print(chunk.text, end="", flush=True)
print()
