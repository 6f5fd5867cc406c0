// YAML as both forges read it: GitLab's parser still takes `off` and `yes` for booleans, so they are quoted.
import { Document } from 'yaml'

/** The document as text, long lines whole. */
export const formatDocument = (document: Document): string =>
  document.toString({ lineWidth: 0, directives: false, flowCollectionPadding: false })

/** The value as YAML text. */
export const formatYaml = (value: unknown): string => formatDocument(new Document(value, { compat: 'yaml-1.1' }))
