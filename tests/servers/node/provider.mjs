// An OpenID provider for tests (oidc-provider): node provider.mjs PORT, in a folder of its own.
//
// The file `keys` in the folder names the keys that it publishes, a line each: the first signs. A key that is named for
// the first time is made, and kept in the folder.
//
// The clients are `service`, who gets tokens for itself, and `site`, who asks about opaque ones. The resource that a
// token is asked for decides its form: signed, unless the resource has `opaque` in its name.
import { generateKeyPairSync } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { Provider } from 'oidc-provider'

const ALGORITHM = 'ES256'
const TTL = 24 * 3600

function key(name) {
  const file = `${name}.jwk`
  if (!existsSync(file)) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwk = { ...privateKey.export({ format: 'jwk' }), kid: name, use: 'sig', alg: ALGORITHM }
    writeFileSync(file, JSON.stringify(jwk), { mode: 0o600 })
  }
  return JSON.parse(readFileSync(file, 'utf8'))
}

const names = readFileSync('keys', 'utf8').trim().split('\n')
const [port] = process.argv.slice(2)

function client(id) {
  return {
    client_id: id,
    client_secret: `secret-of-the-${id}`,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  }
}

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [client('service'), client('site')],
  clientDefaults: { id_token_signed_response_alg: ALGORITHM },
  jwks: { keys: names.map(key) },
  cookies: { keys: ['only for tests'] },
  ttl: { ClientCredentials: TTL },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true, allowedPolicy: (_context, client) => client.clientId === 'site' },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_context, resource) => ({
        audience: resource,
        scope: 'orders:read orders:write',
        accessTokenTTL: TTL,
        accessTokenFormat: resource.includes('opaque') ? 'opaque' : 'jwt',
        jwt: { sign: { alg: ALGORITHM, kid: names[0] } },
      }),
    },
  },
})

provider.use((context, next) => {
  console.log(context.method, context.path)
  return next()
})

provider.listen(Number(port), '127.0.0.1', () => console.log('the provider is ready'))
