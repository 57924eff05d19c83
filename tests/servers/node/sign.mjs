// Signs by each algorithm, with a key that is made for it (jose): node sign.mjs CLAIMS ALGORITHM…
//
// Writes a line of JSON for each: the token, and the public key as a JWK, or the secret.
import { randomBytes } from 'node:crypto'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'

const [claims, ...algorithms] = process.argv.slice(2)

async function signed(alg) {
  const token = new SignJWT(JSON.parse(claims)).setProtectedHeader({ alg, typ: 'at+jwt', kid: alg })
  if (alg.startsWith('HS')) {
    const secret = randomBytes(64)
    return { token: await token.sign(secret), secret: secret.toString('base64url') }
  }
  const { privateKey, publicKey } = await generateKeyPair(alg)
  const jwk = { ...(await exportJWK(publicKey)), kid: alg, alg, use: 'sig' }
  return { token: await token.sign(privateKey), jwk }
}

for (const alg of algorithms) {
  console.log(JSON.stringify({ alg, ...(await signed(alg)) }))
}
