/** Two texts line by line: what stayed, went and came. */

export interface DiffRow {
  before: string | null;
  after: string | null;
  isSame: boolean;
}

/** The lines of two texts side by side, by the longest common subsequence. */
export function diffLines(before: string, after: string): DiffRow[] {
  const left = before.split("\n");
  const right = after.split("\n");
  const lengths = left.map(() => new Array<number>(right.length + 1).fill(0));
  lengths.push(new Array<number>(right.length + 1).fill(0));
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      lengths[i]![j] = left[i] === right[j] ? lengths[i + 1]![j + 1]! + 1 : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
    }
  }
  const rows: DiffRow[] = [];
  let gone: string[] = [];
  let come: string[] = [];
  // What went and what came in one place stand beside each other.
  const flush = (): void => {
    for (let n = 0; n < Math.max(gone.length, come.length); n++) rows.push({ before: gone[n] ?? null, after: come[n] ?? null, isSame: false });
    gone = [];
    come = [];
  };
  let i = 0;
  let j = 0;
  while (i < left.length || j < right.length) {
    if (i < left.length && j < right.length && left[i] === right[j]) {
      flush();
      rows.push({ before: left[i++]!, after: right[j++]!, isSame: true });
    } else if (j >= right.length || (i < left.length && lengths[i + 1]![j]! >= lengths[i]![j + 1]!)) {
      gone.push(left[i++]!);
    } else {
      come.push(right[j++]!);
    }
  }
  flush();
  return rows;
}
