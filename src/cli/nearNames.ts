import { distance } from 'fastest-levenshtein';

const MAX_SUGGESTIONS = 3;

/** The candidates that a person who typed `name` most likely meant: the nearest, at most three. */
export function nearNames(name: string, candidates: readonly string[]): string[] {
  const rated = candidates.map((candidate) => ({ candidate, edits: editsBetween(name, candidate) }));
  const allowedEdits = Math.min(3, 1 + Math.floor(name.length / 4));
  const fewestEdits = Math.min(...rated.map(({ edits }) => edits));
  return rated
    .filter(({ edits }) => edits === fewestEdits && edits <= allowedEdits)
    .map(({ candidate }) => candidate)
    .toSorted()
    .slice(0, MAX_SUGGESTIONS);
}

/** A workload's name stands for its pods: `web` is near to `web-5d4f8c9b7d-x2x9z`. */
function editsBetween(name: string, candidate: string): number {
  return candidate.startsWith(`${name}-`) ? 1 : distance(name, candidate);
}
