// What single registries do differently from the distribution spec or from each other, as data.

/** The registries that the quirks were seen on, as docs/registries.md lists them. */
export const registries = {
  'docker-hub': { name: 'Docker Hub', hosts: ['docker.io', 'index.docker.io'], apiHost: 'registry-1.docker.io' },
  ghcr: { name: 'GitHub Packages (ghcr.io)', hosts: ['ghcr.io'] },
  gitlab: { name: 'GitLab', hosts: ['registry.gitlab.com'] },
  ecr: { name: 'Amazon ECR', hosts: ['*.dkr.ecr.*.amazonaws.com'] },
  'ecr-public': { name: 'Amazon ECR Public', hosts: ['public.ecr.aws'] },
  gar: { name: 'Google Artifact Registry', hosts: ['*-docker.pkg.dev', '*.gcr.io', 'gcr.io'] },
  acr: { name: 'Azure Container Registry', hosts: ['*.azurecr.io'] },
  quay: { name: 'Quay', hosts: ['quay.io'] },
  harbor: { name: 'Harbor', hosts: [] },
  artifactory: { name: 'JFrog Artifactory', hosts: ['*.jfrog.io'] },
  nexus: { name: 'Sonatype Nexus', hosts: [] },
  zot: { name: 'zot', hosts: [] },
  'distribution-2': { name: 'distribution 2.8', hosts: [] },
  'distribution-3': { name: 'distribution 3', hosts: [] },
} as const satisfies Readonly<Record<string, Registry>>

interface Registry {
  readonly name: string
  /** Where it is served; none where everybody serves it on a host of their own. `*` stands for any text. */
  readonly hosts: readonly string[]
  /** The host whose API serves the repositories of these. */
  readonly apiHost?: string
}

export type RegistryName = keyof typeof registries

export interface Quirk {
  /** What such a registry does. */
  readonly does: string
  /** What this client does about it, on any host. */
  readonly handled: string
  /** The file where it is handled, as seen from this one. */
  readonly where: string
  /** The registries that it was seen on, each with the URL that says so. */
  readonly seen: Readonly<Partial<Record<RegistryName, string>>>
  /** The section of the spec that allows it, demands it or is broken by it; or who tells of it in general. */
  readonly source?: string
}

const spec = 'https://github.com/opencontainers/distribution-spec/blob/main/spec.md#'
const measured = 'store.contract.test.ts'

/** Every quirk by its name, which is also the name of its test in quirks.test.ts. */
export const quirks = {
  'api on another host': {
    does: 'its references name a host that is not the one of its API',
    handled: 'requests go to the host of the API; logins stay those of the name that the user wrote',
    where: 'registry-host.ts',
    seen: { 'docker-hub': 'https://docs.docker.com/reference/api/registry/latest/' },
  },
  'relative Location': {
    does: 'names an upload by a path without a host, also outside of /v2/',
    handled: 'resolved against the request that it answers',
    where: 'location.ts',
    seen: {
      gar: 'https://github.com/gitpod-io/gitpod/issues/10214',
      'distribution-3': 'https://distribution.github.io/distribution/about/configuration/#http',
    },
    source: `${spec}post-then-put`,
  },
  'Location with a query': {
    does: 'keeps the state of an upload in the query of its Location, and knows no other state',
    handled: 'the Location is taken as it is, the digest is added, and each answer’s Location replaces the last one',
    where: 'upload.ts',
    seen: { 'distribution-2': measured, 'distribution-3': measured },
    source: `${spec}post-then-put`,
  },
  'Location with http behind TLS': {
    does: 'does not know that a proxy speaks TLS for it, and names its own uploads with http:',
    handled: 'taken for its https origin; http: on any other host is refused',
    where: 'location.ts',
    seen: { 'distribution-2': 'https://github.com/distribution/distribution/issues/2225' },
  },
  'content by redirect': {
    does: 'answers a blob with a redirect to a signed URL of its storage, which refuses a second login',
    handled: 'followed without the login as soon as the origin is another one',
    where: 'exchange.ts',
    seen: {},
    source: `${spec}api`,
  },
  'no Docker-Content-Digest': {
    does: 'does not say the digest of a manifest in its answer',
    handled: 'the manifest is read and its digest computed',
    where: 'manifests.ts',
    seen: {
      ecr: 'https://github.com/distribution/distribution/issues/3792',
      nexus: 'https://github.com/distribution/distribution/pull/3849',
    },
    source: `${spec}legacy-docker-support-http-headers`,
  },
  'HEAD needs Accept': {
    does: 'answers 404 to a manifest that is there, where Accept does not name its media type',
    handled: 'every request for a manifest names all media types that are read',
    where: 'manifests.ts',
    seen: {
      'docker-hub': 'https://github.com/fossas/fossa-cli/pull/1309',
      'distribution-2': 'https://github.com/distribution/distribution/issues/3938',
      'distribution-3': 'https://github.com/distribution/distribution/issues/3938',
    },
    source: `${spec}pulling-manifests`,
  },
  'no HEAD of manifests': {
    does: 'refuses HEAD of a manifest with 405',
    handled: 'asked for with GET instead',
    where: 'manifests.ts',
    seen: { 'distribution-2': 'https://github.com/distribution/distribution/issues/1485' },
  },
  'no referrers API': {
    does: 'has no referrers API: 404, or 200 with something that is no index',
    handled: 'referrers are listed below the fallback tag, and added to it one after the other',
    where: 'referrers.ts',
    seen: {
      ghcr: 'https://github.com/rtvkiz/minimal/issues/7',
      gar: 'https://github.com/actions/attest-build-provenance/issues/80',
      'distribution-2': measured,
      'distribution-3': measured,
    },
    source: `${spec}unavailable-referrers-api`,
  },
  'mount answered with an upload': {
    does: 'answers a mount with 202 and an upload: it does not mount, or not this blob',
    handled:
      'the blob goes through that upload; a repository that had none of three blobs is asked only where that costs nothing',
    where: 'mount.ts',
    seen: { ecr: 'https://docs.aws.amazon.com/AmazonECR/latest/userguide/blob-mounting.html' },
    source: `${spec}mounting-a-blob-from-another-repository`,
  },
  'mount refused': {
    does: 'refuses a mount with 401, 403 or 404 where it does not know or show the other repository',
    handled:
      'any refusal is taken for no mount: the blob is uploaded, and the other repository is not asked for more blobs',
    where: 'mount.ts',
    seen: { harbor: 'https://github.com/goharbor/harbor/issues/17097' },
    source: `${spec}mounting-a-blob-from-another-repository`,
  },
  'mount needs the other scope': {
    does: 'mounts only with a token that may also pull from the other repository, even a public one',
    handled: 'the token for a mount is asked for with both scopes',
    where: 'mount.ts',
    seen: { 'docker-hub': 'https://github.com/oras-project/rust-oci-client/issues/235' },
  },
  'mount needs from': {
    does: 'fails on a mount that does not name the other repository',
    handled: 'every mount names it',
    where: 'mount.ts',
    seen: { quay: 'https://github.com/google/go-containerregistry/blob/main/pkg/v1/remote/write.go' },
  },
  'single POST takes no blob': {
    does: 'ignores the blob in the POST that opens an upload, or refuses that POST',
    handled: 'one small blob tries it out, once, and goes the way of all others where that fails: by POST and PUT',
    where: 'upload.ts',
    seen: {
      'distribution-2': 'https://github.com/distribution/distribution/issues/3230',
      'distribution-3': 'https://github.com/distribution/distribution/issues/3230',
    },
    source: `${spec}single-post`,
  },
  'single POST takes the blob': {
    does: 'takes a blob with the POST that opens its upload, for some users the only way that can be tried twice',
    handled: 'after the first blob that got through, every blob goes by one POST',
    where: 'upload.ts',
    seen: { artifactory: 'https://github.com/oras-project/rust-oci-client/issues/205' },
    source: `${spec}single-post`,
  },
  'no chunks': {
    does: 'does not take an upload in several requests, or loses all chunks after the first',
    handled:
      'a blob is one request unless the registry asks for chunks; an upload that does not grow begins again whole',
    where: 'upload.ts',
    seen: {
      gar: 'https://github.com/dotnet/sdk-container-builds/pull/287',
      ecr: 'https://github.com/aws/containers-roadmap/issues/2831',
    },
    source: `${spec}pushing-a-blob-in-chunks`,
  },
  'smallest chunk': {
    does: 'says with OCI-Chunk-Min-Length how long a chunk has to be at least',
    handled: 'the blob goes in chunks of at least that length, so that a broken one costs no more than itself',
    where: 'chunks.ts',
    seen: {},
    source: `${spec}pushing-a-blob-in-chunks`,
  },
  'no Content-Range of whole blobs': {
    does: 'takes a PUT with Content-Range for a chunk, and checks its length as one',
    handled: 'only the rest of a broken upload is sent with Content-Range',
    where: 'upload.ts',
    seen: {},
    source: 'https://github.com/openai/tart/pull/179',
  },
  'empty upload has Range 0-0': {
    does: 'says of an upload without a byte that it has bytes 0-0, which would mean one',
    handled: 'taken for none: the upload begins again',
    where: 'upload.ts',
    seen: { 'distribution-2': 'https://github.com/moby/moby/issues/9015' },
  },
  'missing content refused': {
    does: 'refuses a manifest until all that it names is there, and lists what is missing',
    handled: 'manifests are pushed without asking first; what is listed is uploaded, and the manifest pushed again',
    where: 'manifests.ts',
    seen: { 'distribution-2': measured, 'distribution-3': measured },
    source: `${spec}pushing-manifests`,
  },
  'missing content accepted': {
    does: 'takes a manifest although what it names is not there',
    handled: 'until a registry has shown that it looks, all content is asked for or uploaded before the manifest',
    where: 'manifests.ts',
    seen: { 'distribution-3': 'https://distribution.github.io/distribution/about/configuration/#validation' },
    source: `${spec}pushing-manifests`,
  },
  'manifest too large': {
    does: 'refuses a manifest above its limit, 4 MiB or more, with 413 and often without a word',
    handled: 'not tried again; the message says what is too large, and how large it is',
    where: 'manifests.ts',
    seen: {},
    source: `${spec}pushing-manifests`,
  },
  'immutable tags': {
    does: 'refuses to write a tag that exists, also with the digest that it has already, each in words of its own',
    handled: 'the tag is read: where it has the digest already, that is success; otherwise the refusal stands',
    where: 'repository-store.ts',
    seen: {
      ecr: 'https://github.com/moby/buildkit/issues/3776',
      acr: 'https://github.com/Azure/acr-cli/issues/70',
      harbor: 'https://github.com/goharbor/harbor/pull/9427',
      artifactory: 'https://github.com/replicatedhq/kots/pull/5940',
      quay: 'https://github.com/quay/quay/pull/1927',
      gitlab: 'https://docs.gitlab.com/user/packages/container_registry/immutable_container_tags/',
      gar: 'https://github.com/GoogleCloudPlatform/magic-modules/pull/7609',
    },
  },
  'untagged manifests collected': {
    does: 'does not show, or soon removes, manifests that no tag leads to',
    handled: 'the anchor input of push-digest tags each child until the merge has an index over it',
    where: 'manifests.ts',
    seen: {
      quay: 'https://github.com/helm/helm/issues/31348',
      zot: 'https://github.com/project-zot/zot/issues/4444',
    },
  },
  'tags are not deleted': {
    does: 'does not delete tags: takes the tag for a digest, or answers 400, 404 or 405',
    handled: 'one sentence says so; a tag is never removed by deleting its manifest',
    where: 'manifests.ts',
    seen: {
      'docker-hub': 'https://github.com/genuinetools/reg/issues/143',
      ghcr: 'https://github.com/fluxcd/pkg/pull/328',
      acr: 'https://github.com/fluxcd/pkg/pull/328',
      'ecr-public': 'https://github.com/aws/containers-roadmap/issues/1567',
      'distribution-2': 'https://github.com/google/go-containerregistry/issues/1578',
    },
    source: `${spec}deleting-tags`,
  },
  'no tags, no list': {
    does: 'answers 404 to the list of tags before the first tag and after the last, or lists null',
    handled: 'taken for no tags',
    where: 'tags.ts',
    seen: {
      'distribution-2': measured,
      'distribution-3': 'https://github.com/distribution/distribution/issues/4324',
      gitlab: 'https://github.com/n0madic/gitlab-registry-images-cleaner/issues/5',
    },
    source: `${spec}listing-tags`,
  },
  'tags in pages': {
    does: 'lists tags in pages of its own size, and refuses to be asked for large ones',
    handled: 'no size is asked for; pages are followed by their Link',
    where: 'pages.ts',
    seen: { ecr: 'https://github.com/google/go-containerregistry/issues/681' },
    source: `${spec}listing-tags`,
  },
  'reads need a token to read': {
    does: 'gives no token at all to somebody who asks for more than is allowed',
    handled:
      'what is only read is asked for with pull only; what is written, with pull and push of one repository; a removal, with delete as well',
    where: 'registry-host.ts',
    seen: { ghcr: 'https://github.com/cloudflare/serverless-registry/issues/148' },
  },
  'nothing to read needs a token to push': {
    does: 'gives a token for a repository that does not exist yet only to somebody who asks to push to it',
    handled: 'a repository that will be written to is also looked at with a token to pull and push',
    where: 'registry-host.ts',
    seen: {},
    source: 'https://github.com/containerd/containerd/blob/main/core/remotes/docker/pusher.go',
  },
  'absence denied': {
    does: 'answers 403 to somebody who asks for a manifest that is not there',
    handled: 'before a manifest is written that is taken for not known, and the write has the last word',
    where: '../../oci/src/copy.ts',
    seen: { artifactory: 'https://github.com/google/go-containerregistry/pull/1691' },
  },
  'token named access_token': {
    does: 'names the token access_token, as OAuth2 does, and not token',
    handled: 'either is taken',
    where: 'token.ts',
    seen: { acr: 'https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md' },
  },
  'content compressed on the way': {
    does: 'compresses blobs for clients that accept encodings, so that their bytes and length are others',
    handled: 'no encoding is accepted',
    where: 'transport.ts',
    seen: {},
    source: 'https://github.com/quay/quay/pull/1310',
  },
} as const satisfies Readonly<Record<string, Quirk>>

export type QuirkName = keyof typeof quirks

const apiHosts: ReadonlyMap<string, string> = new Map(
  Object.values<Registry>(registries).flatMap(({ hosts, apiHost }) =>
    apiHost === undefined ? [] : hosts.map((host): [string, string] => [host, apiHost]),
  ),
)

/** The host whose API serves the repositories of this one. */
export const apiHostOf = (host: string): string => apiHosts.get(host.toLowerCase()) ?? host
