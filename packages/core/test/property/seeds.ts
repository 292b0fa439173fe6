/**
 * The seeds of a run: the one that is given (`SEED=…`); else one that is always the same and, where a person runs the
 * tests, a new one each time. What lands is not to depend on luck.
 */
const given = process.env["SEED"]

const fixed = 42

export const seeds: ReadonlyArray<number> =
  given !== undefined
    ? [Number(given)]
    : process.env["CI"] === undefined
      ? [fixed, Math.floor(Math.random() * 2 ** 31)]
      : [fixed]
