// Writes a base image made of Debian's busybox-static into an OCI layout: one index, a child per platform.

/** Platforms that Debian's busybox-static is unpacked for. */
export type BasePlatform = 'linux/amd64' | 'linux/arm64'

/** Writes the base image as `tag` into the layout directory and gives the index's digest. */
export declare const writeBaseImage: (
  directory: string,
  options?: { readonly platforms?: readonly BasePlatform[]; readonly tag?: string },
) => Promise<string>
