/** What the API server said to a request, whatever its status. */
export interface ApiAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}
