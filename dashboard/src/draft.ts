/** A prompt template with other texts in its blocks. */

import type { Prompt } from "./api";

/** The template's file with other texts in its blocks. */
export function draftOf(prompt: Pick<Prompt, "template" | "blocks">, texts: string[]): string {
  const lines = prompt.template.split("\n");
  // From the last block to the first, so that no replacement moves the lines of another.
  return prompt.blocks
    .map((block, index) => ({ block, text: texts[index]! }))
    .toReversed()
    .reduce((before, { block, text }) => {
      if (text === block.text) return before;
      const from = before.split("\n").slice(0, block.line - 1).join("\n").length;
      const start = before.indexOf(block.text, from);
      return start < 0 ? before : before.slice(0, start) + text + before.slice(start + block.text.length);
    }, lines.join("\n"));
}
