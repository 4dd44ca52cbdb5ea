import { readFileSync } from 'node:fs';
import path from 'node:path';
import { loadAll } from 'js-yaml';
import * as z from 'zod/mini';
import { messageOf, UserError } from '#src/errors.ts';

const text = z.nullish(z.string());

const clusterSchema = z.object({
  server: z.string(),
  'certificate-authority': text,
  'certificate-authority-data': text,
  'insecure-skip-tls-verify': z.nullish(z.boolean()),
  'tls-server-name': text,
  'proxy-url': text,
});

const userSchema = z.object({
  'client-certificate': text,
  'client-certificate-data': text,
  'client-key': text,
  'client-key-data': text,
  token: text,
  tokenFile: text,
  username: text,
  password: text,
  as: text,
  'as-uid': text,
  'as-groups': z.nullish(z.array(z.string())),
  'as-user-extra': z.nullish(z.record(z.string(), z.array(z.string()))),
  exec: z.nullish(
    z.looseObject({
      command: z.string(),
      apiVersion: text,
      env: z.nullish(z.array(z.object({ name: z.string(), value: z.string() }))),
      installHint: text,
    }),
  ),
  'auth-provider': z.nullish(z.looseObject({ name: z.string() })),
});

const contextSchema = z.object({ cluster: z.string(), user: text });

const fileSchema = z.object({
  'current-context': text,
  clusters: z.nullish(z.array(z.object({ name: z.string(), cluster: clusterSchema }))),
  contexts: z.nullish(z.array(z.object({ name: z.string(), context: contextSchema }))),
  users: z.nullish(z.array(z.object({ name: z.string(), user: z.nullish(userSchema) }))),
});

export type KubeconfigCluster = z.infer<typeof clusterSchema>;
export type KubeconfigUser = z.infer<typeof userSchema>;
type KubeconfigContext = z.infer<typeof contextSchema>;

/** What is in a kubeconfig file, or in several: by name, with absolute paths. */
export interface Kubeconfig {
  readonly currentContext: string | undefined;
  readonly clusters: ReadonlyMap<string, KubeconfigCluster>;
  readonly contexts: ReadonlyMap<string, KubeconfigContext>;
  readonly users: ReadonlyMap<string, KubeconfigUser>;
}

/**
 * Reads one kubeconfig file.
 *
 * @throws {UserError} if it cannot be read or is no kubeconfig.
 */
export function readKubeconfigFile(file: string): Kubeconfig {
  const folder = path.dirname(path.resolve(file));
  const content = parse(file);
  return {
    currentContext: content['current-context'] || undefined,
    clusters: byName(content.clusters, ({ cluster }) => absolutePaths(cluster, folder, CLUSTER_PATHS)),
    contexts: byName(content.contexts, ({ context }) => context),
    users: byName(content.users, ({ user }) => absoluteUser(user ?? {}, folder)),
  };
}

const CLUSTER_PATHS = ['certificate-authority'] as const;
const USER_PATHS = ['client-certificate', 'client-key', 'tokenFile'] as const;

function parse(file: string): z.infer<typeof fileSchema> {
  let content: unknown;
  try {
    // An empty file has no document; for kubectl that is a kubeconfig without entries.
    content = loadAll(readFileSync(file, 'utf8'))[0] ?? {};
  } catch (error) {
    throw new UserError(`Cannot read kubeconfig ${JSON.stringify(file)}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const parsed = fileSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.join('.') || 'the file';
  const expected = issue?.code === 'invalid_type' ? issue.expected : 'unknown';
  throw new UserError(
    `Kubeconfig ${JSON.stringify(file)} is broken: ${place} should be of type ${expected}; compare with: kubectl config view`,
    { cause: parsed.error },
  );
}

/** Of two entries with one name the first counts, as for kubectl. */
function byName<Entry extends { name: string }, Value>(
  entries: readonly Entry[] | null | undefined,
  valueOf: (entry: Entry) => Value,
): Map<string, Value> {
  return new Map((entries ?? []).toReversed().map((entry) => [entry.name, valueOf(entry)]));
}

function absoluteUser(user: KubeconfigUser, folder: string): KubeconfigUser {
  const { exec } = user;
  // A command without a separator is looked up in PATH, another one beside the kubeconfig.
  const command =
    exec && exec.command.includes(path.sep) ? path.resolve(folder, exec.command) : exec?.command;
  return {
    ...absolutePaths(user, folder, USER_PATHS),
    exec: exec && command !== undefined ? { ...exec, command } : exec,
  };
}

function absolutePaths<Entry extends object>(
  entry: Entry,
  folder: string,
  keys: readonly (keyof Entry)[],
): Entry {
  const resolved = keys.flatMap((key) => {
    const value = entry[key];
    return typeof value === 'string' && value !== '' ? [[key, path.resolve(folder, value)]] : [];
  });
  return { ...entry, ...Object.fromEntries(resolved) };
}
