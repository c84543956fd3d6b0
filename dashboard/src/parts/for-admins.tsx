/**
 * What changes something, or calls a model, for those who may: a viewer sees the page without it. What is `ofPlatform`
 * is not for administrators of one workspace either.
 */

import type { FunctionComponent } from "preact";

import { mayChange, ownWorkspace } from "../session";

export const ForAdmins: FunctionComponent<{ ofPlatform?: boolean }> = ({ ofPlatform, children }) =>
  mayChange.value && !(ofPlatform && ownWorkspace.value !== null) ? <>{children}</> : null;
