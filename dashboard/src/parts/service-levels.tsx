/** The card on the page Health that holds how well the platform served against its targets. */

import type { FunctionComponent } from "preact";
import { useState } from "preact/hooks";

import { withQuery } from "../api";
import { count, duration, percent } from "../format";
import { useResource } from "../resource";
import type { components } from "../schema";
import { Card } from "./card";
import { Empty } from "./empty";
import { Field } from "./field";
import { Table } from "./table";

type Slo = components["schemas"]["SloAnswer"];
type Objective = Slo["objectives"][number];
type Window = Slo["window"];

const WINDOWS: { value: Window; name: string }[] = [
  { value: "1h", name: "Last hour" },
  { value: "24h", name: "Last 24 hours" },
  { value: "7d", name: "Last 7 days" },
  { value: "30d", name: "Last 30 days" },
];
const NAMES: Record<Objective["name"], string> = {
  p95: "Answer time, p95",
  p99: "Answer time, p99",
  firstTokenP95: "First token, p95",
  errorRate: "Failed calls",
  availability: "Availability",
  budgetAccuracy: "Budget accuracy",
};
const TIMES = new Set<Objective["name"]>(["p95", "p99", "firstTokenP95"]);
const AT_LEAST = new Set<Objective["name"]>(["availability", "budgetAccuracy"]);

export const ServiceLevels: FunctionComponent = () => {
  const [window, setWindow] = useState<Window>("24h");
  const slo = useResource<Slo>(withQuery("/v1/slo", { window }), ["usage"], 10_000);
  const found = slo.data;
  return (
    <Card
      title="Service levels"
      note="All processes, against the targets under [slo] in headgate.toml"
      error={slo.error}
      tools={
        <div class="filters">
          <Field label="Window">
            <select value={window} onChange={(event) => setWindow(event.currentTarget.value as Window)}>
              {WINDOWS.map(({ value, name }) => (
                <option key={value} value={value}>
                  {name}
                </option>
              ))}
            </select>
          </Field>
        </div>
      }
    >
      {found &&
        (found.whole.calls || found.requests ? (
          <Table
            label="Service levels"
            id={(objective) => objective.name}
            rows={found.objectives}
            columns={[
              { name: "Level", cell: (objective) => NAMES[objective.name] },
              { name: "State", cell: (objective) => <span class={`badge ${objective.isMet === null ? "" : objective.isMet ? "good" : "bad"}`}>{stateOf(objective)}</span> },
              { name: "Reached", isNumber: true, cell: (objective) => shown(objective.name, objective.value) },
              { name: "Target", isNumber: true, cell: (objective) => `${AT_LEAST.has(objective.name) ? "≥" : "≤"} ${shown(objective.name, objective.target)}` },
            ]}
          />
        ) : (
          <Empty>How well calls are served appears here, some seconds after the first.</Empty>
        ))}
      {found && <p class="muted">{`${count(found.requests)} requests for models, ${count(found.whole.calls)} calls to vendors.`}</p>}
    </Card>
  );
};

function stateOf(objective: Objective): string {
  if (objective.isMet === null) return "No calls";
  return objective.isMet ? "Met" : "Missed";
}

function shown(name: Objective["name"], value: number | null): string {
  if (value === null) return "–";
  return TIMES.has(name) ? duration(value) : percent(value, 2);
}
