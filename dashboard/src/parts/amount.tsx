/** Money in short, with every digit of it on asking. */

import type { FunctionComponent } from "preact";

import { exactMoney, money } from "../format";

export const Amount: FunctionComponent<{ of: number }> = ({ of: value }) => <span title={exactMoney(value)}>{money(value)}</span>;
