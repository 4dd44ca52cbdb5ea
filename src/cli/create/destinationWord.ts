import * as z from 'zod/mini';
import { UsageError } from '#src/errors.ts';
import { type Destination, destinationFields } from '#src/spec/tap.ts';
import { quote } from '../text.ts';

const FORMS = 'node/NAME, pod/NAME, pod/NAMESPACE/NAME or ip/ADDRESS';

/**
 * Reads what `--to` names: where the copies go.
 *
 * @throws {UsageError} for what is no destination
 */
export function parseDestination(word: string): Destination {
  const [kind = '', ...names] = word.split('/');
  const [first, second] = names;
  if (first === undefined || names.length > (kind === 'pod' ? 2 : 1)) throw impossible(word, `give ${FORMS}`);
  switch (kind) {
    case 'node':
      return { node: read(destinationFields.node, first, word) };
    case 'ip':
      return { address: read(destinationFields.address, first, word) };
    case 'pod':
      if (second === undefined) return { pod: read(destinationFields.pod, first, word) };
      return {
        pod: read(destinationFields.pod, second, word),
        namespace: read(destinationFields.podNamespace, first, word),
      };
    default:
      throw impossible(word, `give ${FORMS}`);
  }
}

function read(schema: z.ZodMiniType<string>, text: string, word: string): string {
  const { data, error } = z.safeParse(schema, text);
  if (data === undefined) throw impossible(word, error?.issues[0]?.message ?? `give ${FORMS}`);
  return data;
}

function impossible(word: string, advice: string): UsageError {
  return new UsageError(`--to ${quote(word)} is not possible: ${advice}`);
}
