// The floor: pushes a layout with nothing but POST and PUT, over undici or over bare sockets. No checks, no retries.
// JavaScript, since taking types away would be a part of its start.
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'

const [client, layout, host = '', repository, tag] = process.argv.slice(2)
const connections = 50
const chunkSize = 256 * 1024

const pathOf = ({ digest }) => join(layout, 'blobs', ...digest.split(':'))
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))

/** The blob's bytes in one buffer, used again for each chunk. */
function* chunksOf(blob) {
  const file = openSync(pathOf(blob))
  const buffer = Buffer.allocUnsafeSlow(Math.min(chunkSize, blob.size))
  for (let bytes = readSync(file, buffer); bytes > 0; bytes = readSync(file, buffer)) yield buffer.subarray(0, bytes)
  closeSync(file)
}

/** Sends over an agent that all senders share. */
const createUndiciSender = async () => {
  const { default: Agent } = await import('undici/lib/dispatcher/agent.js')
  const agent = new Agent({ connections })
  return () => (method, path, headers, blob) =>
    new Promise((resolve, reject) => {
      let answer
      const body = blob === undefined ? null : blob.size <= chunkSize ? readFileSync(pathOf(blob)) : chunksOf(blob)
      agent.dispatch(
        { origin: `http://${host}`, method, path, headers, body, reset: false },
        {
          onRequestStart: () => undefined,
          onResponseStart: (_, status, answered) => {
            answer = { status, location: answered.location }
          },
          onResponseData: () => undefined,
          onResponseEnd: () => resolve(answer),
          onResponseError: (_, error) => reject(error),
        },
      )
    })
}

/** Sends over one socket, and takes what comes back for an answer without a body. */
const createSocketSender = () => () => {
  const [address, port] = host.split(':')
  const socket = connect(Number(port), address)
  socket.setNoDelay(true)
  return (method, path, headers, blob) =>
    new Promise((resolve, reject) => {
      socket.removeAllListeners('data').once('data', (bytes) => {
        const answer = bytes.toString('latin1')
        resolve({ status: Number(answer.slice(9, 12)), location: /^location: (\S+)/im.exec(answer)?.[1] })
      })
      socket.removeAllListeners('error').once('error', reject)
      const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}`)
      const head = [`${method} ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n')
      if (blob === undefined) return socket.write(head)
      socket.cork()
      socket.write(head)
      const chunks = chunksOf(blob)
      const sendNext = () => {
        const { done, value } = chunks.next()
        if (!done) socket.write(value, sendNext)
      }
      sendNext()
      socket.uncork()
    })
}

const createSender = client === 'undici' ? await createUndiciSender() : createSocketSender()

const expectCreated = ({ status }, blob) => {
  if (status !== 201) throw new Error(`${blob.digest} was answered with ${status}`)
}

const [manifest] = readJson(join(layout, 'index.json')).manifests
const { config, layers } = readJson(pathOf(manifest))
const waiting = [config, ...layers]

const pushBlobs = async () => {
  const send = createSender()
  for (let blob = waiting.shift(); blob !== undefined; blob = waiting.shift()) {
    const { location } = await send('POST', `/v2/${repository}/blobs/uploads/`, { 'content-length': '0' })
    const url = new URL(location, `http://${host}`)
    const headers = { 'content-type': 'application/octet-stream', 'content-length': String(blob.size) }
    const path = `${url.pathname}${url.search}&digest=${blob.digest}`
    expectCreated(await send('PUT', path, headers, blob), blob)
  }
}

await Promise.all(Array.from({ length: connections }, pushBlobs))
const headers = { 'content-type': manifest.mediaType, 'content-length': String(manifest.size) }
const path = `/v2/${repository}/manifests/${tag}`
expectCreated(await createSender()('PUT', path, headers, manifest), manifest)
process.exit()
