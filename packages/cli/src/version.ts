// The version of polyarch: what package.json says, as code, so that the one-file bundle knows it.

export const version = '0.1.0'
