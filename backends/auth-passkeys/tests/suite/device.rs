//! A browser with a device in it, made of nothing but a key: it signs right answers, and such as no device would.

use auth_jws::Algorithm;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use test_tokens::{Signer, decode, encode};

/// User present.
pub(crate) const UP: u8 = 0b0000_0001;
/// User verified.
pub(crate) const UV: u8 = 0b0000_0100;
/// Backup eligible.
pub(crate) const BE: u8 = 0b0000_1000;
/// Backed up.
pub(crate) const BS: u8 = 0b0001_0000;
/// Attested credential data follow.
const AT: u8 = 0b0100_0000;

/// A device with one passkey.
pub(crate) struct Device {
    signer: Signer,
    algorithm: Algorithm,
    pub(crate) id: Vec<u8>,
    /// What it was told to call its user; a small security key forgets it.
    pub(crate) handle: Option<Vec<u8>>,
    /// What it signs next, which it raises only by [`raise`](Self::raise).
    pub(crate) counter: u32,
    pub(crate) flags: u8,
}

/// What is signed otherwise than by a browser on the site's page.
#[derive(Clone)]
pub(crate) struct Odd {
    pub(crate) kind: Option<&'static str>,
    pub(crate) origin: String,
    pub(crate) rp_id: String,
    pub(crate) challenge: Option<String>,
    /// Members of the client data besides.
    pub(crate) more: Vec<(&'static str, Value)>,
    /// The algorithm that the key says it is for.
    pub(crate) alg: Option<i64>,
}

impl Default for Odd {
    fn default() -> Self {
        Self {
            kind: None,
            origin: "https://example.com".into(),
            rp_id: "example.com".into(),
            challenge: None,
            more: Vec::new(),
            alg: None,
        }
    }
}

impl Device {
    /// One that has no counter, and verifies its user.
    pub(crate) fn new(id: &[u8]) -> Self {
        Self::of(Algorithm::Es256, id)
    }

    pub(crate) fn of(algorithm: Algorithm, id: &[u8]) -> Self {
        let signer = Signer::of(algorithm);
        Self { signer, algorithm, id: id.into(), handle: None, counter: 0, flags: UP | UV }
    }

    pub(crate) fn with_flags(self, flags: u8) -> Self {
        Self { flags, ..self }
    }

    pub(crate) fn with_counter(self, counter: u32) -> Self {
        Self { counter, ..self }
    }

    /// Makes the passkey: `navigator.credentials.create()`.
    pub(crate) fn create(&mut self, options: &str) -> String {
        self.create_oddly(options, &Odd::default()).to_string()
    }

    pub(crate) fn create_oddly(&mut self, options: &str, odd: &Odd) -> Value {
        let options: Value = serde_json::from_str(options).unwrap();
        self.handle = Some(decode(options["user"]["id"].as_str().unwrap()));
        let id_len = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let data = self.data(odd, self.flags | AT);
        let data = [&data, &[0; 16][..], &id_len, &self.id, &self.public_key(odd)].concat();
        // {"fmt": "none", "attStmt": {}, "authData": …}
        let object = [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData".to_vec(), bytes(&data)].concat();
        let mut answer = self.answer(&client_data("webauthn.create", &options, odd));
        answer["response"]["attestationObject"] = json!(encode(object));
        answer["response"]["transports"] = json!(["internal", "hybrid", "x-unknown"]);
        answer
    }

    /// Signs: `navigator.credentials.get()`.
    pub(crate) fn get(&self, options: &str) -> String {
        self.get_oddly(options, &Odd::default()).to_string()
    }

    pub(crate) fn get_oddly(&self, options: &str, odd: &Odd) -> Value {
        let options: Value = serde_json::from_str(options).unwrap();
        let client_data = client_data("webauthn.get", &options, odd);
        let data = self.data(odd, self.flags);
        let hash = digest(&SHA256, client_data.as_bytes());
        let signature = self.signer.sign(self.algorithm, &[&data, hash.as_ref()].concat());
        let is_ec = matches!(self.signer, Signer::Ec(..));
        let signature = if is_ec { der(&signature) } else { signature };
        let mut answer = self.answer(&client_data);
        answer["response"]["authenticatorData"] = json!(encode(data));
        answer["response"]["signature"] = json!(encode(signature));
        if let Some(handle) = &self.handle {
            answer["response"]["userHandle"] = json!(encode(handle));
        }
        answer
    }

    /// Whether the device is among those that are asked for; all are where none is named.
    pub(crate) fn is_asked(&self, options: &str) -> bool {
        let options: Value = serde_json::from_str(options).unwrap();
        let listed = options["allowCredentials"].as_array().unwrap();
        listed.is_empty() || listed.iter().any(|one| one["id"] == encode(&self.id))
    }

    fn answer(&self, client_data: &str) -> Value {
        json!({
            "id": encode(&self.id),
            "rawId": encode(&self.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": { "clientDataJSON": encode(client_data) },
        })
    }

    fn data(&self, odd: &Odd, flags: u8) -> Vec<u8> {
        let rp = digest(&SHA256, odd.rp_id.as_bytes());
        [rp.as_ref(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    /// A COSE key (RFC 9052 §7).
    fn public_key(&self, odd: &Odd) -> Vec<u8> {
        let jwk = self.signer.jwk();
        let part = |name: &str| bytes(&decode(jwk[name].as_str().unwrap()));
        if self.algorithm == Algorithm::Rs256 {
            let alg = number(odd.alg.unwrap_or(-257));
            return [&[0xa4, 0x01, 0x03, 0x03][..], &alg, &[0x20], &part("n"), &[0x21], &part("e")].concat();
        }
        let curve = if jwk["crv"] == "P-384" { 2 } else { 1 };
        let alg = number(odd.alg.unwrap_or(if curve == 2 { -35 } else { -7 }));
        let head = [&[0xa5, 0x01, 0x02, 0x03][..], &alg, &[0x20, curve]].concat();
        [&head[..], &[0x21], &part("x"), &[0x22], &part("y")].concat()
    }
}

fn client_data(kind: &str, options: &Value, odd: &Odd) -> String {
    let challenge = odd.challenge.clone().unwrap_or_else(|| options["challenge"].as_str().unwrap().into());
    let mut data = json!({
        "type": odd.kind.unwrap_or(kind),
        "challenge": challenge,
        "origin": odd.origin,
        "crossOrigin": false,
    });
    for (name, value) in &odd.more {
        data[*name] = value.clone();
    }
    data.to_string()
}

/// A byte string of CBOR (RFC 8949 §3.1).
fn bytes(bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).unwrap();
    match u8::try_from(len) {
        Ok(short) if short < 24 => [&[0x40 | short][..], bytes].concat(),
        Ok(one) => [&[0x58, one][..], bytes].concat(),
        Err(_) => [&[0x59][..], &len.to_be_bytes(), bytes].concat(),
    }
}

/// A negative number of CBOR.
fn number(negative: i64) -> Vec<u8> {
    let value = u32::try_from(-1 - negative).unwrap();
    match value {
        0..24 => vec![0x20 | u8::try_from(value).unwrap()],
        24..256 => vec![0x38, u8::try_from(value).unwrap()],
        256..65_536 => [&[0x39][..], &u16::try_from(value).unwrap().to_be_bytes()].concat(),
        _ => [&[0x3a][..], &value.to_be_bytes()].concat(),
    }
}

/// `Ecdsa-Sig-Value` (RFC 3279 §2.2.3) of the two numbers.
fn der(signature: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len() - 1);
        let (number, sign) = (&number[start..], usize::from(number[start] >= 0x80));
        let len = u8::try_from(number.len() + sign).unwrap();
        [&[0x02, len][..], &[0; 1][..sign], number].concat()
    };
    let (r, s) = signature.split_at(signature.len() / 2);
    let both = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(both.len()).unwrap()][..], &both].concat()
}
