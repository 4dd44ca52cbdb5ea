import type { IncomingHttpHeaders } from 'node:http';

/** What came back for a request, whatever its status. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
