/** What went wrong, where it went wrong, with the id under which the platform's log has the cause. */

import type { FunctionComponent } from "preact";

import type { ApiError } from "../api";

export const Problem: FunctionComponent<{ error: ApiError; what?: string }> = ({ error, what = "Not loaded" }) => (
  <p class="problem" role="alert">
    <strong>{what}:</strong> {error.message}
    {error.requestId && (
      <>
        {" "}
        <span class="mono">({error.requestId})</span>
      </>
    )}
  </p>
);
