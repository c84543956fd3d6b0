/** What stands at an address that is no page. */

import type { FunctionComponent } from "preact";

import { PageHead } from "../parts/page-head";
import { href } from "../router";

export const Missing: FunctionComponent = () => (
  <>
    <PageHead title="Not found" purpose="There is no page at this address." />
    <p>
      <a href={href("")}>Go to the overview</a>
    </p>
  </>
);
