// NO_PROXY: the hosts that are reached without a proxy, by name, address or network.
import { BlockList, isIP } from 'node:net'

const defaultPorts: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' }

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4')

/** Whether the address is in ADDRESS/BITS, or is ADDRESS; an entry that is neither holds no address. */
const isInNetwork = (address: string, entry: string): boolean => {
  const [base = '', bits] = entry.split('/')
  const most = isIP(base) === 6 ? 128 : 32
  const prefix = bits === undefined ? most : Number(bits)
  if (isIP(base) === 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits)) || prefix > most) return false
  const network = new BlockList()
  network.addSubnet(base, prefix, familyOf(base))
  return network.check(address, familyOf(address))
}

/** HOST, HOST:PORT, [ADDRESS]:PORT, ADDRESS or ADDRESS/BITS as host and port. */
const splitEntry = (entry: string): { host: string; port: string | undefined } => {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(entry)
  return { host: match?.[1] ?? match?.[2] ?? entry, port: match?.[3] }
}

/**
 * Whether the value of NO_PROXY names the URL's host. Entries are separated by commas or spaces: a name stands for itself
 * and all below it, with or without `.` or `*.` before it; an address or a network for addresses; `*` for all; a port
 * after any of them for that port only.
 */
export const bypassesProxy = (url: URL, noProxy: string | undefined): boolean => {
  const name = url.hostname
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase()
  const port = url.port || defaultPorts[url.protocol]
  return (noProxy ?? '').split(/[\s,]+/).some((text) => {
    if (text === '') return false
    if (text === '*') return true
    const entry = splitEntry(text.toLowerCase())
    if (entry.port !== undefined && entry.port !== port) return false
    if (isIP(name) !== 0) return isInNetwork(name, entry.host)
    const suffix = entry.host.replace(/^\*?\.|\.$/g, '')
    return suffix !== '' && (name === suffix || name.endsWith(`.${suffix}`))
  })
}
