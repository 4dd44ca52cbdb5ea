/** Which files a capture goes to, one after the other. */
export interface FileRotation {
  readonly name: string;
  /** A file ends when it has so many bytes; undefined: never for that. */
  readonly mostBytes: number | undefined;
  /** A file ends after so long. */
  readonly mostSeconds: number | undefined;
  /** How many files are kept: behind the last one the first is written again. */
  readonly count: number | undefined;
}

/**
 * The name of a file, in front of whose endings is its number: `web.pcapng.gz` is followed by `web-1.pcapng.gz`. With a
 * count they are numbered from 0, with as many digits for each, so that they are in order by name. A name with the time in it
 * (`web-%H%M%S.pcapng`, as strftime has it) has no number where files end by time only.
 */
export function fileName(rotation: FileRotation, index: number, now: Date): string {
  const { name, count, mostBytes, mostSeconds } = rotation;
  const timed = withTime(name, now);
  if (mostBytes === undefined && mostSeconds === undefined) return timed;
  if (mostBytes === undefined && timed !== name) return timed;
  if (count === undefined) return index === 0 ? timed : numbered(timed, String(index));
  return numbered(timed, String(index % count).padStart(String(count - 1).length, '0'));
}

function numbered(name: string, number: string): string {
  const folderEnd = name.lastIndexOf('/') + 1;
  const [, stem = '', endings = ''] = /^(.+?)((?:\.[a-z]+)*)$/iu.exec(name.slice(folderEnd)) ?? [];
  return `${name.slice(0, folderEnd)}${stem}-${number}${endings}`;
}

/** As strftime does with what a file's name may have of a time. */
function withTime(name: string, now: Date): string {
  const values = new Map([
    ['%Y', String(now.getFullYear())],
    ['%m', two(now.getMonth() + 1)],
    ['%d', two(now.getDate())],
    ['%H', two(now.getHours())],
    ['%M', two(now.getMinutes())],
    ['%S', two(now.getSeconds())],
    ['%s', String(Math.floor(now.getTime() / 1000))],
    ['%%', '%'],
  ]);
  return name.replaceAll(/%./gu, (part) => values.get(part) ?? part);
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
