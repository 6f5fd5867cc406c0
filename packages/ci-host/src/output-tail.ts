// What is kept of a program's output: its end, and its lines as they come.
import { StringDecoder } from 'node:string_decoder'

/** The bytes of a stream that are kept, counted from its end. */
const outputTailBytes = 4 * 1024 * 1024

/** A line longer than this many characters is handed on in pieces, so that a stream without newlines costs no memory. */
const longestLine = 64 * 1024

export interface OutputTail {
  push(chunk: Uint8Array): void
  /** The last bytes as UTF-8 text; where the beginning was dropped, it starts at a whole character. */
  text(): string
}

/** Keeps the last `limit` bytes of what is pushed, holding at most twice as many. */
export const createOutputTail = (limit = outputTailBytes): OutputTail => {
  let chunks: Uint8Array[] = []
  let size = 0
  let whole = true
  const compact = (): Uint8Array => {
    const bytes = Buffer.concat(chunks)
    if (bytes.length > limit) whole = false
    const kept = bytes.subarray(Math.max(0, bytes.length - limit))
    chunks = [kept]
    size = kept.length
    return kept
  }
  return {
    push: (chunk) => {
      chunks.push(chunk)
      size += chunk.length
      if (size > 2 * limit) compact()
    },
    text: () => {
      const bytes = compact()
      const isContinuation = (byte: number) => (byte & 0xc0) === 0x80
      const start = whole ? 0 : bytes.findIndex((byte) => !isContinuation(byte))
      return start === -1 ? '' : Buffer.from(bytes.subarray(start)).toString('utf8')
    },
  }
}

/** Splits bytes into lines without their ends; `end` hands on what stands after the last newline. */
export const createLineSplitter = (onLine: (line: string) => void): { push(chunk: Uint8Array): void; end(): void } => {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  const emit = (line: string) => onLine(line.endsWith('\r') ? line.slice(0, -1) : line)
  const take = (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    lines.forEach(emit)
    while (rest.length > longestLine) {
      onLine(rest.slice(0, longestLine))
      rest = rest.slice(longestLine)
    }
  }
  return {
    push: (chunk) => take(decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))),
    end: () => {
      take(decoder.end())
      if (rest !== '') emit(rest)
      rest = ''
    },
  }
}
