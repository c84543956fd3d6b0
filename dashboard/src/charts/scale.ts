/** Arithmetic of axes: round steps from a zero baseline, and labels that do not touch. */

export const MOST_LINES = 5;

/** The values of the grid lines above zero, at most five of them, the last not below `largest`. */
export function gridLines(largest: number): number[] {
  if (!(largest > 0)) return [1];
  const rough = largest / (MOST_LINES - 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999999)!;
  const lines: number[] = [];
  for (let number = 1; ; number++) {
    const value = Number((step * number).toPrecision(12));
    lines.push(value);
    if (value >= largest * 0.999999) return lines;
  }
}

/** The same for things that are counted: steps are whole numbers. */
export function countLines(largest: number): number[] {
  if (largest <= MOST_LINES) return Array.from({ length: Math.max(1, Math.ceil(largest)) }, (_, number) => number + 1);
  return gridLines(largest);
}

/** Which of `total` labels are shown where there is room for `room`: evenly spaced, the last one too. */
export function shownLabels(total: number, room: number): number[] {
  if (total <= 0) return [];
  const step = Math.max(1, Math.ceil(total / Math.max(1, room)));
  const shown: number[] = [];
  for (let index = total - 1; index >= 0; index -= step) shown.unshift(index);
  return shown;
}
