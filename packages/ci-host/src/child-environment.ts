// What of the job's environment a program may see: no inputs of the step, no credentials.

type Environment = Readonly<Record<string, string | undefined>>

/** Names that hold a credential by the habits of forges and clouds; CI_REPOSITORY_URL has the job's token in it. */
const credentialName =
  /(?:^|_)(?:TOKEN|TOKENS|PASSWORD|PASSWD|PASS|SECRET|SECRETS|CREDENTIALS|PAT|JWT(?:_V\d)?|APIKEY|(?:API|ACCESS|PRIVATE|SECRET|SIGNING)_KEY|AUTH_CONFIG)(?:$|_(?!FILE$|PATH$|DIR$))|^CI_REPOSITORY_URL$/

/** Whether a variable of this name is kept from the programs that a step runs. */
const isCredentialName = (name: string): boolean => credentialName.test(name.toUpperCase())

/** The environment for a program: the host's without inputs and credentials. */
export const childEnvironment = (env: Environment): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && !entry[0].startsWith('INPUT_') && !isCredentialName(entry[0]),
    ),
  )

/** The tokens that a forge gives a job, to be masked although nobody named them in an input. */
export const forgeSecrets = (env: Environment): string[] =>
  [
    'GITHUB_TOKEN',
    'ACTIONS_RUNTIME_TOKEN',
    'ACTIONS_ID_TOKEN_REQUEST_TOKEN',
    'CI_JOB_TOKEN',
    'CI_REGISTRY_PASSWORD',
    'CI_DEPLOY_PASSWORD',
    'CI_DEPENDENCY_PROXY_PASSWORD',
  ].flatMap((name) => env[name] ?? [])
