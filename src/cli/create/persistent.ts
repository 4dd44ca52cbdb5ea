import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import { messageOf, UserError } from '#src/errors.ts';
import type { Cluster } from '#src/kube/cluster.ts';
import { tapResourceSchema } from '#src/spec/tapResource.ts';
import { deleteTapObject, needResource } from '../taps/tapObjects.ts';
import { Progress, stderrColumns } from '../progress.ts';
import type { Terminal } from '../surroundings.ts';
import { yamlDocuments } from '../yaml.ts';
import type { CreateOptions } from './options.ts';
import type { TapObject } from './tapObject.ts';

const LOOK_MS = 500;
const madeSchema = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string(), uid: z.string() }),
});
type Made = z.infer<typeof madeSchema>['metadata'];

/**
 * `kokotap create --persistent`: makes an object of the resource Tap, and waits until its controller says that all targets are
 * copied. What a failed or interrupted command has made is taken away again.
 *
 * @returns what is printed
 * @throws {UserError} where the resource is not installed, and with what keeps the Tap from being ready
 */
export async function createPersistent(
  object: TapObject,
  options: CreateOptions,
  cluster: Cluster,
  { env, print, untilInterrupted }: Terminal,
): Promise<string> {
  const { api } = cluster;
  const { form, dryRun, quiet, wait } = options;
  const signal = untilInterrupted();
  const namespace = options.namespace ?? (await cluster.namespace());
  const whole = { ...object, metadata: { ...object.metadata, namespace } };
  if (dryRun) return printed(whole, form, nameOf(object));
  await needResource(api);
  const { metadata } = await api.create({ kind: 'taps', namespace }, whole, madeSchema);
  const progress = new Progress({ write: quiet ? () => undefined : print, columns: stderrColumns(env) });
  try {
    if (wait) await untilReady(cluster, metadata, options, { signal, progress });
    progress.clear();
    if (signal.aborted) throw new UserError('Interrupted: what was made is taken away again');
  } catch (error) {
    progress.show(['taking away what was made']);
    await deleteTapObject(api, metadata, metadata.uid).catch((second: unknown) => {
      throw new UserError(`${messageOf(error)}. ${messageOf(second)}`, { cause: error });
    });
    progress.clear();
    throw error;
  }
  const { name } = metadata;
  if (form !== undefined) return printed({ ...whole, metadata }, form, name);
  const advice = quiet ? '' : adviceOf(object, metadata);
  return `tap/${name} created\n${advice}`;
}

function nameOf({ metadata }: TapObject): string {
  return 'name' in metadata ? metadata.name : `${metadata.generateName}…`;
}

function printed(object: object, form: CreateOptions['form'], name: string): string {
  switch (form) {
    case 'yaml':
      return yamlDocuments([object]);
    case 'json':
      return `${JSON.stringify(object, undefined, 2)}\n`;
    case 'name':
      return `tap/${name}\n`;
    case undefined:
      return `tap/${name} would be created (dry run)\n`;
  }
}

async function untilReady(
  { api }: Cluster,
  { namespace, name, uid }: Made,
  { timeoutMs }: Pick<CreateOptions, 'timeoutMs'>,
  { signal, progress }: { readonly signal: AbortSignal; readonly progress: Progress },
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!signal.aborted) {
    const found = await api.get({ kind: 'taps', namespace, name }, tapResourceSchema);
    if (found?.metadata.uid !== uid) throw new UserError(`The Tap ${name} has been deleted meanwhile`);
    const conditionOf = (type: string) => found.status.conditions?.find((each) => each.type === type);
    const [accepted, ready] = [conditionOf('Accepted'), conditionOf('Ready')];
    if (accepted?.status === 'False') throw new UserError(`The Tap is not possible: ${accepted.message}`);
    if (ready?.status === 'True') return;
    const why =
      ready?.message ??
      'the controller has not looked at it: kubectl get deployments -A -l app.kubernetes.io/name=kokotap-controller shows whether it runs';
    if (performance.now() > endMs)
      throw new UserError(
        `The Tap is not ready after ${timeoutMs / 1000} s: ${why}; give it longer with --timeout, or leave it to itself with --no-wait`,
      );
    progress.show([`waiting for tap/${name}: ${why}`]);
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

function adviceOf({ spec }: TapObject, { namespace, name }: Made): string {
  // A capture reads on nodes.
  const captured = JSON.stringify(spec).includes('"nodeName"');
  return [
    `\nIt goes on until it is deleted, and follows its targets. How it is:\n  kubectl get taps -n ${namespace} ${name}\n`,
    captured ? `To read the copies from here:\n  kokotap capture -n ${namespace} tap/${name}\n` : '',
    `To remove it:\n  kokotap delete -n ${namespace} tap/${name}\n`,
  ].join('');
}
