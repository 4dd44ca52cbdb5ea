import { writeFileSync } from 'node:fs';
import * as z from 'zod/mini';
import { tapListSchema } from '#src/cli/taps/tapList.ts';

export const TAP_LIST_SCHEMA = 'docs/taplist.schema.json';

/** The schema of lists of taps. A test compares; run as a program, this puts it into the documents. */
export function tapListJsonSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(tapListSchema), undefined, 2)}\n`;
}

if (import.meta.main) writeFileSync(TAP_LIST_SCHEMA, tapListJsonSchema());
