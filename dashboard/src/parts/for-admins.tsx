/** What changes something, or calls a model, for those who may: a viewer sees the page without it. */

import type { FunctionComponent } from "preact";

import { mayChange } from "../session";

export const ForAdmins: FunctionComponent = ({ children }) => (mayChange.value ? <>{children}</> : null);
