/** Server-sent events of an answer that is read piece by piece. */

/** The data of each event; what is cut off at the end is no event. */
export async function* events(response: Response): AsyncGenerator<string> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const frames = (rest + value).split("\n\n");
      rest = frames.pop()!;
      yield* frames.flatMap(dataOf);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** What an event says; nothing of a comment. */
export function dataOf(frame: string): string[] {
  const lines = frame.split("\n").filter((line) => line.startsWith("data:"));
  return lines.length ? [lines.map((line) => line.slice(5).trimStart()).join("\n")] : [];
}
