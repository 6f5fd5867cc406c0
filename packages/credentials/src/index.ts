// @polyarch/credentials
export {}
