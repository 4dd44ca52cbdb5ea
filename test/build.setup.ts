/** Tests of the command lines run the built programs. */
export { build as default } from '../scripts/build.ts';
