// The Link header of paged answers (RFC 8288, as far as registries use it).

/** The target of `rel="next"`, as it was written, or undefined. */
export const parseNextLink = (header: string | undefined): string | undefined => {
  for (const part of (header ?? '').split(/,(?=\s*<)/)) {
    const match = /^\s*<([^>]{1,8192})>(.*)$/s.exec(part)
    if (match && /;\s*rel\s*=\s*"?next"?\s*(?:;|$)/i.test(match[2] ?? '')) return match[1]
  }
  return undefined
}
