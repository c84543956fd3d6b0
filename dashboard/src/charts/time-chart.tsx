/** Values over time, as stacked bars or as lines, with a legend that reads the cursor's values. */

import type { FunctionComponent } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

import { useCursor } from "./cursor";
import { countLines, gridLines, shownLabels } from "./scale";

export interface Series {
  name: string;
  /** A class of the style sheet: `s1` to `s4`, or a state's `good`, `warn`, `bad`. */
  tone: string;
  /** One value for each moment; null where there is none. */
  values: (number | null)[];
}

interface TimeChartProps {
  /** What the chart shows, for those who do not see it. */
  label: string;
  kind: "bars" | "lines";
  /** A short label for each moment, and a full one for the readout. */
  moments: { label: string; full: string }[];
  series: Series[];
  format: (value: number) => string;
  axis?: (value: number) => string;
  /** Whether values are counted, so that the axis has whole numbers only. */
  isCount?: boolean;
  /** What the legend says while the cursor is nowhere. */
  summary: (series: Series) => string;
  height?: number;
  /** Horizontal lines that mean something, such as a limit. */
  marks?: { value: number; name: string; tone: string }[];
  /** What lies between two lines, such as where a value will likely be. */
  band?: { low: (number | null)[]; high: (number | null)[] };
}

const LEFT = 56;
const RIGHT = 8;
const TOP = 10;
const BOTTOM = 24;
const LABEL_WIDTH = 64;

export const TimeChart: FunctionComponent<TimeChartProps> = (props) => {
  const { label, kind, moments, series, format, axis = format, isCount = false, summary, height = 220, marks = [], band } = props;
  const [box, width] = useWidth();
  const inner = Math.max(0, width - LEFT - RIGHT);
  const step = moments.length ? inner / moments.length : 0;
  const cursor = useCursor(moments.length, (x) => Math.floor((x - LEFT) / (step || 1)));
  const largest = Math.max(...tops(kind, series, moments.length), ...marks.map((mark) => mark.value), ...(band?.high ?? []).map((value) => value ?? 0), 0);
  const lines = isCount ? countLines(largest) : gridLines(largest);
  const top = lines[lines.length - 1]!;
  const bottom = height - BOTTOM;
  const y = (value: number): number => bottom - (value / top) * (bottom - TOP);
  const x = (index: number): number => LEFT + step * (index + 0.5);
  const at = cursor.at;
  return (
    <div class="chart">
      <ul class="legend">
        <li class="moment">{at === null ? " " : moments[at]!.full}</li>
        {series.map((one) => (
          <li key={one.name}>
            <span class={`swatch ${one.tone}`} />
            {one.name}
            <strong>{at === null ? summary(one) : shown(one.values[at], format)}</strong>
          </li>
        ))}
      </ul>
      <div ref={box} class="plot" tabIndex={0} role="group" aria-label={`${label}. Arrow keys move the cursor.`} {...cursor.handlers}>
        {width > 0 && (
          <svg width={width} height={height} aria-hidden="true">
            {[0, ...lines].map((value) => (
              <g key={value}>
                <line class={value === 0 ? "baseline" : "grid"} x1={LEFT} x2={width - RIGHT} y1={y(value)} y2={y(value)} />
                <text class="axis" x={LEFT - 8} y={y(value)} dy="0.32em" text-anchor="end">
                  {axis(value)}
                </text>
              </g>
            ))}
            {shownLabels(moments.length, Math.floor(inner / LABEL_WIDTH)).map((index) => (
              <text key={index} class="axis" x={Math.min(x(index), width - LABEL_WIDTH / 3)} y={height - 6} text-anchor="middle">
                {moments[index]!.label}
              </text>
            ))}
            {at !== null && <rect class="cursor" x={x(at) - step / 2} y={TOP} width={step} height={bottom - TOP} />}
            {band && <path class="band" d={areaOf(band.low, band.high, x, y)} />}
            {kind === "bars" ? <Bars series={series} total={moments.length} x={x} y={y} step={step} /> : <Lines series={series} x={x} y={y} at={at} />}
            {marks.map((mark) => (
              <g key={mark.name} class={`mark-line ${mark.tone}`}>
                <line x1={LEFT} x2={width - RIGHT} y1={y(mark.value)} y2={y(mark.value)} />
                <text x={width - RIGHT} y={y(mark.value) - 4} text-anchor="end">
                  {mark.name}
                </text>
              </g>
            ))}
          </svg>
        )}
        <p class="hidden" aria-live="polite">
          {at !== null && `${moments[at]!.full}: ${series.map((one) => `${one.name} ${shown(one.values[at], format)}`).join(", ")}`}
        </p>
      </div>
      <HiddenTable label={label} moments={moments} series={series} format={format} />
    </div>
  );
};

type Place = (value: number) => number;

const Bars: FunctionComponent<{ series: Series[]; total: number; x: Place; y: Place; step: number }> = ({ series, total, x, y, step }) => {
  const width = Math.max(1, Math.min(step - Math.max(1, step * 0.22), 46));
  return (
    <>
      {Array.from({ length: total }, (_, index) => {
        let sum = 0;
        return series.map((one) => {
          const value = one.values[index] ?? 0;
          if (value <= 0) return null;
          const from = sum;
          sum += value;
          // Whatever happened is seen, however little it was.
          const tall = Math.max(1, y(from) - y(sum));
          return <rect key={one.name} class={`fill ${one.tone}`} x={x(index) - width / 2} y={y(from) - tall} width={width} height={tall} rx={Math.min(2, width / 4)} />;
        });
      })}
    </>
  );
};

const Lines: FunctionComponent<{ series: Series[]; x: Place; y: Place; at: number | null }> = ({ series, x, y, at }) => (
  <>
    {series.map((one) => (
      <g key={one.name} class={`line ${one.tone}`}>
        <path d={pathOf(one.values, x, y)} />
        {one.values.map((value, index) => {
          return value !== null && (isSparse(one) || index === at) && <circle key={index} cx={x(index)} cy={y(value)} r={3} />;
        })}
      </g>
    ))}
  </>
);

/** Whether moments without a value lie between others, so that a line alone would hide some. */
function isSparse(one: Series): boolean {
  const present = one.values.flatMap((value, index) => (value === null ? [] : [index]));
  return present.length > 0 && present.at(-1)! - present[0]! >= present.length;
}

/** A line through the values, broken where there is none. */
export function pathOf(values: (number | null)[], x: Place, y: Place): string {
  let isOpen = false;
  return values
    .map((value, index) => {
      if (value === null) {
        isOpen = false;
        return "";
      }
      const point = `${isOpen ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
      isOpen = true;
      return point;
    })
    .join("");
}

/** The outline of what lies between two lines. */
export function areaOf(low: (number | null)[], high: (number | null)[], x: Place, y: Place): string {
  const points = (values: (number | null)[]): string[] =>
    values.flatMap((value, index) => (value === null ? [] : [`${x(index).toFixed(1)} ${y(value).toFixed(1)}`]));
  const outline = [...points(high), ...points(low).reverse()];
  return outline.length ? `M${outline.join("L")}Z` : "";
}

const HiddenTable: FunctionComponent<Pick<TimeChartProps, "label" | "moments" | "series" | "format">> = ({ label, moments, series, format }) => (
  <div class="hidden">
    <table>
      <caption>{label}</caption>
      <thead>
        <tr>
          <th scope="col">Time, UTC</th>
          {series.map((one) => (
            <th key={one.name} scope="col">
              {one.name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {moments.map((moment, index) => (
          <tr key={moment.full}>
            <th scope="row">{moment.full}</th>
            {series.map((one) => (
              <td key={one.name}>{shown(one.values[index], format)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

function shown(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? "none" : format(value);
}

function tops(kind: "bars" | "lines", series: Series[], total: number): number[] {
  return Array.from({ length: total }, (_, index) => {
    const values = series.map((one) => one.values[index] ?? 0);
    return kind === "bars" ? values.reduce((sum, value) => sum + value, 0) : Math.max(...values, 0);
  });
}

/** An element's width, as it is and as it changes. */
export function useWidth(): [(element: HTMLDivElement | null) => void, number] {
  const [width, setWidth] = useState(0);
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  const observer = useRef<ResizeObserver | null>(null);
  useLayoutEffect(() => {
    if (!element) return undefined;
    setWidth(Math.floor(element.clientWidth));
    observer.current = new ResizeObserver(() => setWidth(Math.floor(element.clientWidth)));
    observer.current.observe(element);
    return () => observer.current?.disconnect();
  }, [element]);
  return [setElement, width];
}
