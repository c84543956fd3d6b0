/** Names with an amount each, the largest first, as a table whose bars compare them. */

import type { FunctionComponent } from "preact";

export interface Bar {
  name: string;
  value: number;
  /** Beside the amount, such as a count. */
  note?: string | undefined;
  href?: string | undefined;
}

interface BarListProps {
  label: string;
  columns: [string, string, string?];
  bars: Bar[];
  format: (value: number) => string;
  most?: number;
}

export const BarList: FunctionComponent<BarListProps> = ({ label, columns, bars, format, most = 8 }) => {
  const sorted = [...bars].sort((one, other) => other.value - one.value);
  // A row for one other would say less than that one's own.
  const shown = sorted.slice(0, sorted.length === most + 1 ? most + 1 : most);
  const rest = sorted.slice(shown.length);
  const total = sorted.reduce((sum, bar) => sum + bar.value, 0);
  const rows: Bar[] = rest.length ? [...shown, { name: `${rest.length} others`, value: rest.reduce((sum, bar) => sum + bar.value, 0) }] : shown;
  // The others together may be more than the first.
  const largest = Math.max(...rows.map((bar) => bar.value), 0);
  return (
    <table class="bar-list">
      <caption class="hidden">{label}</caption>
      <thead class="hidden">
        <tr>
          <th scope="col">{columns[0]}</th>
          <th scope="col">Share</th>
          <th scope="col">{columns[1]}</th>
          {columns[2] && <th scope="col">{columns[2]}</th>}
        </tr>
      </thead>
      <tbody>
        {rows.map((bar: Bar) => (
          <tr key={bar.name}>
            <th scope="row" title={bar.name}>
              {bar.href ? <a href={bar.href}>{bar.name}</a> : bar.name}
            </th>
            <td class="share">
              <svg aria-hidden="true" width="100%" height="8" preserveAspectRatio="none">
                <rect class="track" width="100%" height="8" rx="4" />
                <rect class="fill" width={`${largest ? Math.max((bar.value / largest) * 100, bar.value ? 1 : 0) : 0}%`} height="8" rx="4" />
              </svg>
              <span class="hidden">{total ? `${Math.round((bar.value / total) * 100)} %` : "0 %"}</span>
            </td>
            <td class="number">{format(bar.value)}</td>
            {columns[2] && <td class="number muted">{bar.note}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
};
