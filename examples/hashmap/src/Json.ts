/** Values as the console reads and shows them: JSON, on one line, and nothing in it that a terminal would act upon. */
import * as Either from "effect/Either"

/** `JSON.stringify` goes down by recursion: what is nested deeper than this might be read, and then never shown again. */
const maximumDepth = 500

/**
 * What JSON may hold as it is (but for the first range), and a line on a terminal may not: control characters, the line
 * ends of Unicode, and marks that turn the direction of writing.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const unprintable = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

/** A text with escapes for what must not reach a terminal as it is. */
export const escape = (text: string): string =>
  text.replace(unprintable, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** A JSON value as one line of JSON, without spaces. */
export const show = (value: unknown): string => escape(JSON.stringify(value))

/** A record given by its entries as one JSON object, its keys in the order of their UTF-16 code units. */
export const showEntries = (entries: Iterable<readonly [string, unknown]>): string =>
  `{${Array.from(entries)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, value]) => `${show(key)}:${show(value)}`)
    .join(",")}}`

/** A piece of somebody's text to be shown in a sentence: on one line, and not much of it. */
export const quote = (text: string): string => {
  const maximum = 40
  // by code points: half a surrogate pair is not what was typed
  const start = Array.from(text.slice(0, 2 * maximum + 2))
  return start.length > maximum ? `\`${escape(start.slice(0, maximum).join(""))}…\`` : `\`${escape(text)}\``
}

const isNestedTooDeep = (text: string): boolean => {
  if (text.length <= maximumDepth) return false
  let depth = 0
  let isInString = false
  for (let index = 0; index < text.length; index++) {
    const character = text[index]
    if (isInString) {
      if (character === "\\") index++
      else if (character === '"') isInString = false
    } else if (character === '"') isInString = true
    else if (character === "[" || character === "{") {
      if (++depth > maximumDepth) return true
    } else if (character === "]" || character === "}") depth--
  }
  return false
}

/** A number such as 1e999, which JSON allows and JavaScript reads as `Infinity`, to be shown as `null`. */
const holdsInfinity = (text: string): boolean => {
  if (!/\d[eE]\+?\d|\d{309}/.test(text)) return false
  let found = false
  JSON.parse(text, (_, value) => {
    if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) found = true
    return value
  })
  return found
}

/** Reads what is JSON, and a word that is none as a string; or says in one line why neither will do. */
export const parse = (text: string): Either.Either<unknown, string> => {
  if (isNestedTooDeep(text)) return Either.left(`a value may be nested ${maximumDepth} levels deep, not more`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    if (/^["[{]/.test(text)) return Either.left(`not JSON: ${quote(text)}`)
    if (/[ \t\r\n\v\f]/.test(text)) return Either.left(`text with spaces goes in quotes, as JSON: ${quote(text)}`)
    return Either.right(text)
  }
  return holdsInfinity(text) ? Either.left(`too large a number: ${quote(text)}`) : Either.right(value)
}
