/**
 * Where the tests that make things up begin: another place in every run, so that they find more, and the one that a
 * failure named when SATCHEL_TEST_SEED gives it.
 */
const given = process.env.SATCHEL_TEST_SEED;
export const seed: number = given === undefined ? Date.now() % 0x7fff_ffff : Number(given);
