// Text between markers in hand-written markdown: <!-- name --> … <!-- /name -->.

const escapePattern = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')

/** The text with what stands between each pair of markers replaced; markers that are not there are not missed. */
export const fillMarkers = (text: string, contents: Readonly<Record<string, string>>): string =>
  Object.entries(contents).reduce((filled, [name, content]) => {
    const marker = escapePattern(name)
    const between = new RegExp(`(<!-- ${marker} -->\\n)[\\s\\S]*?(<!-- \\/${marker} -->)`, 'g')
    return filled.replace(between, (_match, begin: string, end: string) => `${begin}${content.trimEnd()}\n${end}`)
  }, text)
