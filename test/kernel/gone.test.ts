/*
 * What is left of a tap whose agent is gone. It is one file, which runs one test after the other: the agents of any other
 * kernel test would find it, for they look through the machine, and remove it.
 */
import './gone/lease.ts';
import './gone/ends.ts';
