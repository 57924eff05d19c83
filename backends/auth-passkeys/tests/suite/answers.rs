//! Answers that no browser gave, or another site's: each is refused as a wrong secret is, and none is more than that.

use auth_core::DeniedKind;
use serde_json::{Value, json};
use test_tokens::{decode, encode};

use crate::device::{BE, Device, Odd, UP, UV};
use crate::support::{Browser, Site, alice};

async fn registered(site: &Site) -> Device {
    let mut device = Device::new(b"phone");
    site.register(&mut device, &alice()).await;
    device
}

/// What becomes of an answer that is signed so.
async fn answered(site: &Site, device: &Device, odd: &Odd) -> Result<(), DeniedKind> {
    let mut browser = Browser::default();
    let options = site.begin_login(&mut browser);
    let response = device.get_oddly(&options, odd).to_string();
    site.submit(&browser, &response).await.map(|_| ()).map_err(|denied| denied.kind())
}

/// What becomes of one that is changed after it was signed.
async fn changed(site: &Site, device: &Device, change: impl FnOnce(&mut Value)) -> Result<(), DeniedKind> {
    let mut browser = Browser::default();
    let options = site.begin_login(&mut browser);
    let mut response = device.get_oddly(&options, &Odd::default());
    change(&mut response);
    site.submit(&browser, &response.to_string()).await.map(|_| ()).map_err(|denied| denied.kind())
}

#[tokio::test]
async fn what_another_page_signed_is_refused() {
    let site = Site::new();
    let device = registered(&site).await;
    let at = |origin: &str| Odd { origin: origin.into(), ..Odd::default() };
    for own in ["https://example.com", "https://www.example.com"] {
        assert_eq!(answered(&site, &device, &at(own)).await, Ok(()), "{own}");
    }
    for other in [
        "https://evil-example.com",
        "https://evilexample.com",
        "https://example.com.evil.org",
        "https://shop.example.com",
        "https://example.com:8443",
        "https://example.com.",
        "https://example.com/",
        "https://user@example.com",
        "http://example.com",
        "http://localhost",
        "android:apk-key-hash:x",
        "null",
        "",
    ] {
        assert_eq!(answered(&site, &device, &at(other)).await, Err(DeniedKind::WrongSecret), "{other}");
    }
}

#[tokio::test]
async fn what_is_signed_otherwise_is_refused() {
    let site = Site::new();
    let device = registered(&site).await;
    let more = |name, value| Odd { more: vec![(name, value)], ..Odd::default() };
    let table = [
        ("another kind", Odd { kind: Some("webauthn.create"), ..Odd::default() }),
        ("another RP", Odd { rp_id: "evil.org".into(), ..Odd::default() }),
        ("a subdomain", Odd { rp_id: "www.example.com".into(), ..Odd::default() }),
        ("another challenge", Odd { challenge: Some(encode([7; 32])), ..Odd::default() }),
        ("an empty challenge", Odd { challenge: Some(String::new()), ..Odd::default() }),
        ("in a frame", more("crossOrigin", json!(true))),
        ("in a frame of", more("topOrigin", json!("https://evil.org"))),
    ];
    for (what, odd) in table {
        assert_eq!(answered(&site, &device, &odd).await, Err(DeniedKind::WrongSecret), "{what}");
    }
    let fine =
        more("other_keys_can_be_added_here", json!("do not compare clientDataJSON against a template"));
    assert_eq!(answered(&site, &device, &fine).await, Ok(()));
    for flags in [0, UV, UP, UP | UV | BE] {
        let other = registered_as(&site, flags).await.with_flags(flags);
        let expected = if flags == UP | UV | BE { Ok(()) } else { Err(DeniedKind::WrongSecret) };
        let odd = Odd::default();
        assert_eq!(answered(&site, &other, &odd).await, expected, "flags {flags:08b}");
    }
}

/// A device that was registered with all that is wanted, but for what says whether it is backed up.
async fn registered_as(site: &Site, flags: u8) -> Device {
    let mut device = Device::new(&[flags, 9]).with_flags(UP | UV | flags & BE);
    site.register(&mut device, &alice()).await;
    device
}

/// Whether it may be copied never changes (`WebAuthn` Level 3, §7.2 step 19).
#[tokio::test]
async fn what_a_passkey_is_does_not_change() {
    let site = Site::new();
    let mut device = registered(&site).await;
    device.flags = UP | UV | BE;
    assert_eq!(answered(&site, &device, &Odd::default()).await, Err(DeniedKind::WrongSecret));
}

#[tokio::test]
async fn each_part_is_signed() {
    let site = Site::new();
    let device = registered(&site).await;
    assert_eq!(changed(&site, &device, |_| ()).await, Ok(()));
    let mut data_len = 0;
    let count = |response: &mut Value| {
        data_len = decode(response["response"]["authenticatorData"].as_str().unwrap()).len();
    };
    assert_eq!(changed(&site, &device, count).await, Ok(()));
    for at in 0..data_len {
        let flipped = changed(&site, &device, |response| flip(response, "authenticatorData", at)).await;
        assert_eq!(flipped, Err(DeniedKind::WrongSecret), "authenticator data, byte {at}");
    }
    for at in [0, 1, 3, 4, 10, 35, 40, 60, 68] {
        let flipped = changed(&site, &device, |response| flip(response, "signature", at)).await;
        assert_eq!(flipped, Err(DeniedKind::WrongSecret), "signature, byte {at}");
    }
    let longer = |response: &mut Value| {
        let data = decode(response["response"]["authenticatorData"].as_str().unwrap());
        response["response"]["authenticatorData"] = json!(encode([&data[..], &[0]].concat()));
    };
    assert_eq!(changed(&site, &device, longer).await, Err(DeniedKind::WrongSecret));
    let spaced = |response: &mut Value| {
        let data = decode(response["response"]["clientDataJSON"].as_str().unwrap());
        response["response"]["clientDataJSON"] = json!(encode([&data[..], b" "].concat()));
    };
    assert_eq!(changed(&site, &device, spaced).await, Err(DeniedKind::WrongSecret));
}

fn flip(response: &mut Value, part: &str, at: usize) {
    let mut bytes = decode(response["response"][part].as_str().unwrap());
    let at = at.min(bytes.len() - 1);
    bytes[at] ^= 1;
    response["response"][part] = json!(encode(bytes));
}

#[tokio::test]
async fn parts_that_are_missing_or_no_parts_are_refused() {
    let site = Site::new();
    let device = registered(&site).await;
    for part in ["clientDataJSON", "authenticatorData", "signature", "userHandle"] {
        let values = [
            json!(null),
            json!(""),
            json!("!"),
            json!("AA=="),
            json!(7),
            json!([]),
            json!(encode([0xff; 99])),
        ];
        for value in values {
            let put = |response: &mut Value| response["response"][part] = value.clone();
            assert!(changed(&site, &device, put).await.is_err(), "{part} {value}");
        }
        let removed = |response: &mut Value| {
            response["response"].as_object_mut().unwrap().remove(part);
        };
        assert!(changed(&site, &device, removed).await.is_err(), "{part}");
    }
    for (name, value) in [("type", json!("password")), ("id", json!("x")), ("rawId", json!(null))] {
        assert!(changed(&site, &device, |response| response[name] = value.clone()).await.is_err(), "{name}");
    }
}

/// Whatever the bytes, the answer is a no: never a panic, and no outage that would open a breaker.
#[tokio::test]
async fn odd_bytes_are_no_outage() {
    let site = Site::new();
    let device = registered(&site).await;
    let mut browser = Browser::default();
    let options = site.begin_login(&mut browser);
    let whole = device.get(&options);
    let mut texts: Vec<String> = (0..whole.len()).step_by(7).map(|end| whole[..end].to_owned()).collect();
    texts.extend(["[".repeat(60_000), "x".repeat(70_000), "{\"a\":".repeat(10_000), "\u{0}".into()]);
    texts.push(whole.replace("\"type\":\"public-key\"", "\"type\":\"public-key\",\"type\":\"public-key\""));
    for text in texts {
        let denied = site.submit(&browser, &text).await.unwrap_err();
        assert_eq!(denied.kind(), DeniedKind::Malformed, "{text:.60}");
    }
    let data =
        |len: usize| json!(encode((0..=u8::MAX).map(|n| n.wrapping_mul(37)).take(len).collect::<Vec<_>>()));
    for len in 0..120 {
        let odd = |response: &mut Value| {
            response["response"]["authenticatorData"] = data(len);
            response["response"]["signature"] = data(len);
        };
        assert_eq!(changed(&site, &device, odd).await, Err(DeniedKind::WrongSecret), "{len}");
    }
    site.submit(&browser, &whole).await.unwrap();
}

/// The same for what is registered: bytes are read before anything in them is signed.
#[tokio::test]
async fn odd_attestations_are_refused() {
    let site = Site::new();
    let mut browser = Browser::default();
    let options = site.begin_registration(&mut browser, &alice()).await;
    let response = Device::new(b"phone").create_oddly(&options, &Odd::default());
    let object = decode(response["response"]["attestationObject"].as_str().unwrap());
    for at in 0..object.len() {
        for change in [0x01, 0x40, 0x80, 0xff] {
            let mut object = object.clone();
            object[at] ^= change;
            let mut browser = Browser::default();
            let options = site.begin_registration(&mut browser, &alice()).await;
            let mut response = Device::new(b"phone").create_oddly(&options, &Odd::default());
            response["response"]["attestationObject"] = json!(encode(&object));
            let finished = site.finish(&browser, &alice(), &response.to_string()).await;
            if let Ok(id) = finished {
                // A key or an id that is another, and nobody's.
                site.one().factors().remove(&alice(), id).await.unwrap();
            }
        }
    }
}
