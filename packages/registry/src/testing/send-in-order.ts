// Sends three requests in order to HOST over TLS, in a process of its own, and says the statuses of their answers.
import { defaultLimits } from '../options.ts'
import { openTransport, type TransportRequest } from '../transport.ts'

const [, , host = ''] = process.argv
const transport = openTransport({ limits: defaultLimits, userAgent: 'test' })
const requests = ['1', '2', '3'].map((path): TransportRequest => {
  const url = new URL(`https://${host}/${path}`)
  return { method: 'PUT', url, headers: {}, verified: true, collect: 1024 }
})
const answers = await Promise.all(transport.sendInOrder('test', requests))
await transport.close()
process.stdout.write(JSON.stringify(answers.map(({ status }) => status)))
