// Evaluated in the page by `audit` of browser.ts: what is wrong with how it looks.
;(() => {
  const isShown = (element) => element.checkVisibility() && getComputedStyle(element).clipPath === "none"
  const shown = (selector) => Array.from(document.querySelectorAll(selector)).filter(isShown)
  const told = (element) => `${element.localName} ${(element.ariaLabel ?? element.textContent).trim()}`

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true })
  /** Red, green and blue of any colour, and how opaque it is, from 0 to 255. */
  const channels = (color) => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = color
    canvas.fillRect(0, 0, 1, 1)
    return Array.from(canvas.getImageData(0, 0, 1, 1).data)
  }
  // WCAG 2.2, relative luminance and contrast ratio
  const luminance = (color) => {
    const [red, green, blue] = channels(color).map((value) => {
      const part = value / 255
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b)
    return (high + 0.05) / (low + 0.05)
  }
  const ground = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor
      if (channels(color)[3] === 255) return color
    }
    return "white"
  }

  const hasText = (element) =>
    Array.from(element.childNodes).some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "")
  const texts = shown("body *").filter((element) => hasText(element) && element.closest(".away, noscript") === null)
  const faint = []
  const look = (what, color, against, least) => {
    const ratio = contrast(color, against)
    if (ratio < least) faint.push(`${what}: ${ratio.toFixed(2)}`)
  }
  for (const element of texts) look(told(element), getComputedStyle(element).color, ground(element), 4.5)
  for (const input of shown("input")) {
    look(`the edge of ${input.id}`, getComputedStyle(input).borderTopColor, ground(input.parentElement), 3)
  }
  const state = document.getElementById("state")
  look("the sign of the state", getComputedStyle(state, "::before").color, ground(state), 3)
  const { borderLeftColor } = getComputedStyle(document.getElementById("status"))
  look("the sign of the status", borderLeftColor, ground(state), 3)

  const isSmall = (element) => {
    const { height, width } = element.getBoundingClientRect()
    return Math.min(height, width) < 24
  }
  const name = (element) => element.ariaLabel ?? element.labels?.[0]?.textContent ?? element.textContent
  const { clientWidth, scrollWidth } = document.documentElement
  return {
    overflow: scrollWidth - clientWidth,
    small: shown("a, button, input").filter(isSmall).map(told),
    zooming: shown("input")
      .filter((input) => parseFloat(getComputedStyle(input).fontSize) < 16)
      .map(told),
    nameless: shown("a, button, input")
      .filter((element) => !name(element)?.trim())
      .map((element) => element.outerHTML),
    faint,
    texts: texts.length
  }
})()
