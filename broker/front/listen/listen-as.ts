import { ConfigError } from '../../../shared/config.ts'

/**
 * Waits for a listener to open; turns a failure into an error that names the setting to change.
 * @throws {ConfigError} when the address is not this machine's, or the port is in use or privileged
 */
export async function listenAs<T>(hostSetting: string, portSetting: string, opening: Promise<T>): Promise<T> {
  try {
    return await opening
  } catch (err) {
    const { code, port, address, hostname } = err as NodeJS.ErrnoException & {
      port?: number
      address?: string
      hostname?: string
    }
    switch (code) {
      case 'EADDRINUSE':
        throw new ConfigError(
          `${portSetting}: another process listens on port ${port} of ${address} (${code}). Stop it, or set another port`,
        )
      case 'EACCES':
        throw new ConfigError(
          `${portSetting}: this process may not listen on port ${port} (${code}). Set a port from 1024 up`,
        )
      case 'EADDRNOTAVAIL':
      case 'EAFNOSUPPORT':
      case 'EINVAL':
      case 'ENOTFOUND':
      case 'EAI_AGAIN':
        throw new ConfigError(
          `${hostSetting}: ${address ?? hostname} is not an address of this machine (${code}). Set one that is, or 0.0.0.0 for all`,
        )
      default:
        throw err
    }
  }
}
