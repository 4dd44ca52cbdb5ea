import * as z from 'zod/mini';
import type { Objects } from '#src/controller/api/objects.ts';

/** What a token may do. */
export type Verdict = 'allowed' | 'forbidden' | 'unknown token';

/** A verdict holds for so long, so that a scrape takes no request of the API server's each time. */
const KEPT_MS = 30_000;
/** Wrong tokens are many. */
const MOST_KEPT = 100;

const tokenReview = z.object({
  status: z.object({
    authenticated: z._default(z.boolean(), false),
    user: z.optional(
      z.object({
        username: z._default(z.string(), ''),
        uid: z._default(z.string(), ''),
        groups: z._default(z.array(z.string()), []),
      }),
    ),
  }),
});
const accessReview = z.object({ status: z.object({ allowed: z._default(z.boolean(), false) }) });

/** Asks the API server whose a token is, and whether its user may get a path: as kube-rbac-proxy does. */
export class Reviews {
  readonly #objects: Objects;
  readonly #path: string;
  readonly #kept = new Map<string, { readonly verdict: Promise<Verdict>; readonly untilMs: number }>();

  constructor(objects: Objects, path: string) {
    this.#objects = objects;
    this.#path = path;
  }

  /** What a token may do. Throws where the API server cannot be asked. */
  async of(token: string): Promise<Verdict> {
    const nowMs = performance.now();
    const kept = this.#kept.get(token);
    if (kept !== undefined && kept.untilMs > nowMs) return kept.verdict;
    const verdict = this.#ask(token);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(token, { verdict, untilMs: nowMs + KEPT_MS });
    verdict.catch(() => this.#kept.delete(token));
    return verdict;
  }

  async #ask(token: string): Promise<Verdict> {
    const { authenticated, user } = await this.#review('authentication', 'TokenReview', tokenReview, {
      token,
    });
    if (!authenticated || user === undefined) return 'unknown token';
    const { username, uid, groups } = user;
    const { allowed } = await this.#review('authorization', 'SubjectAccessReview', accessReview, {
      user: username,
      uid,
      groups,
      nonResourceAttributes: { path: this.#path, verb: 'get' },
    });
    return allowed ? 'allowed' : 'forbidden';
  }

  async #review<Status>(
    group: string,
    kind: string,
    schema: z.ZodMiniType<{ status: Status }>,
    spec: object,
  ): Promise<Status> {
    const apiVersion = `${group}.k8s.io/v1`;
    const path = `/apis/${apiVersion}/${kind.toLowerCase()}s`;
    return z.parse(schema, await this.#objects.create(path, { apiVersion, kind, spec })).status;
  }
}
