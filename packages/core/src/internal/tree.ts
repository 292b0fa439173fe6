/**
 * A tree of processes as lines of text.
 */

/** A process with those below it. */
export interface Node {
  readonly text: string
  readonly below: Iterable<Node>
}

/** One line for each node, with the strokes that lead to it. */
export const linesOf = (node: Node, first = "", rest = ""): Array<string> => {
  const lines = [first + node.text]
  const below = Array.from(node.below)
  for (const [at, child] of below.entries()) {
    const isLast = at === below.length - 1
    lines.push(...linesOf(child, `${rest}${isLast ? "└─ " : "├─ "}`, `${rest}${isLast ? "   " : "│  "}`))
  }
  return lines
}
