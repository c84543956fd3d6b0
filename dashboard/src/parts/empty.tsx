/** Where there is nothing yet: what will appear, and a command that makes it so. */

import type { ComponentChildren, FunctionComponent } from "preact";

import { Code } from "./code";

export const Empty: FunctionComponent<{ command?: string; children: ComponentChildren }> = ({ command, children }) => (
  <div class="empty">
    <p>{children}</p>
    {command && <Code text={command} />}
  </div>
);
